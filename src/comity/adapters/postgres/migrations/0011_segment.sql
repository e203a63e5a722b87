-- Sealed segments: 65,536 leaves each, whose public files are written and were read back.
-- Source: docs/adr/0025-public-store.md.

CREATE TABLE ledger_segment (
    state     text   NOT NULL,
    segment   bigint NOT NULL CHECK (segment >= 0),
    root      bytea  NOT NULL CHECK (length(root) = 32),
    sealed_at bigint NOT NULL,
    PRIMARY KEY (state, segment)
);
COMMENT ON TABLE ledger_segment IS
    'Segments whose files are in the public store; `root` is of their leaves. Kept for ever. Added '
    'to by the gateway, which compared the root; no role may update or delete.';

GRANT SELECT, INSERT ON ledger_segment TO comity_gateway;
GRANT SELECT ON ledger_segment TO comity_reader;
ALTER TABLE ledger_segment ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON ledger_segment TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON ledger_segment FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));

-- The only way in which a leaf's row goes: those of a whole sealed segment, by this function. A leaf
-- stays in the public store, its hash in the tiles there, and every node here.
COMMENT ON TABLE ledger_leaf IS
    'Leaves as they are hashed and published; nothing personal. Added to by the sequencer. Kept for '
    'ever, but for sealed segments, whose rows leave by ledger_leaves_leave if a setting says so.';

CREATE FUNCTION ledger_leaves_leave(of_state text, of_segment bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.ledger_segment WHERE state = of_state AND segment = of_segment
    ) THEN
        RAISE EXCEPTION 'the segment is not sealed' USING ERRCODE = 'check_violation';
    END IF;
    -- The neighbours of a withdrawn leaf are in no public bundle: their rows are all there is.
    IF EXISTS (
        SELECT FROM public.ledger_redaction WHERE state = of_state
            AND leaf_index >= of_segment * 65536 AND leaf_index < (of_segment + 1) * 65536
    ) THEN
        RAISE EXCEPTION 'the segment has a withdrawn leaf' USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM public.ledger_leaf WHERE state = of_state
        AND leaf_index >= of_segment * 65536 AND leaf_index < (of_segment + 1) * 65536;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION ledger_leaves_leave(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_leaves_leave(text, bigint) TO comity_gateway;
