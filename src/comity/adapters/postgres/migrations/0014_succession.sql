-- Successor ledgers: where each begins, and the one way in which rows of a ledger can go.
-- Source: docs/adr/0026-succession.md.

CREATE TABLE ledger_succession (
    state      text   NOT NULL,
    retired    text   NOT NULL,
    origin     text   NOT NULL,
    leaf_index bigint NOT NULL CHECK (leaf_index > 0),
    kept       bigint NOT NULL CHECK (kept >= 0 AND kept <= leaf_index),
    PRIMARY KEY (state, retired)
);
COMMENT ON TABLE ledger_succession IS
    'Retired ledgers, what succeeded each, and the index of its first own leaf; rows from `kept` on '
    'were set aside. Kept for ever. Added to by the gateway; no role may update or delete.';

GRANT SELECT, INSERT ON ledger_succession TO comity_gateway;
GRANT SELECT ON ledger_succession TO comity_reader;
ALTER TABLE ledger_succession ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON ledger_succession TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON ledger_succession FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));

-- No role may delete a leaf. This does it for the gateway, and only in the transaction that adds
-- the succession for which the rows go.
CREATE FUNCTION cut_ledger(cut_state text, first bigint, revealed bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_succession
        WHERE state = cut_state AND kept = first AND xmin = pg_current_xact_id()::xid
    ) THEN
        RAISE EXCEPTION 'a ledger is cut by its succession alone' USING ERRCODE = '42501';
    END IF;
    -- A hold that was answered beyond the cut waits again.
    UPDATE hold h SET next_step = k.step, is_open = true
    FROM (
        SELECT exchange_id, min(step) AS step FROM ledger_key
        WHERE state = cut_state AND leaf_index >= first GROUP BY exchange_id
    ) k
    WHERE h.state = cut_state AND h.leaf_index < first AND h.exchange_id = k.exchange_id;
    UPDATE delayed_detail SET is_open = false
    WHERE state = cut_state AND leaf_index = ANY (revealed);
    -- A line's numbers continue when its rows have gone.
    INSERT INTO line_position AS p (line, acknowledged, last_frame)
    SELECT line, 0, max(frame_no) FROM accepted
    WHERE state = cut_state AND leaf_index >= first GROUP BY line ORDER BY line
    ON CONFLICT (line) DO UPDATE SET last_frame = greatest(p.last_frame, excluded.last_frame);
    DELETE FROM accepted WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM answer
    WHERE state = cut_state AND leaf_indexes[cardinality(leaf_indexes)] >= first;
    DELETE FROM hold WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM delayed_detail WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM policy WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM directory WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM ledger_document WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM key_event WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM key_event WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM ledger_redaction
    WHERE state = cut_state AND (leaf_index >= first OR named_by >= first);
    DELETE FROM ledger_segment WHERE state = cut_state AND segment >= first >> 16;
    DELETE FROM cosignature WHERE state = cut_state AND size > first;
    DELETE FROM checkpoint WHERE state = cut_state AND size > first;
    DELETE FROM ledger_key WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM ledger_private WHERE state = cut_state AND leaf_index >= first;
    DELETE FROM ledger_node WHERE state = cut_state AND node_index >= first >> (8 * level);
    DELETE FROM ledger_leaf WHERE state = cut_state AND leaf_index >= first;
END $$;
REVOKE ALL ON FUNCTION cut_ledger(text, bigint, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cut_ledger(text, bigint, bigint[]) TO comity_gateway;
