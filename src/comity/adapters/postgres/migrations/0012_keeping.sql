-- What is done to keys and to what they hide: key events to be carried out, leaves whose bytes are
-- withdrawn. The hash outlives the bytes. Source: docs/adr/0024-private-records.md.

CREATE TABLE key_event (
    state      text    NOT NULL,
    leaf_index bigint  NOT NULL,
    is_done    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (state, leaf_index)
);
COMMENT ON TABLE key_event IS
    'Key events (`ledger_document` has what they say), and whether this host has carried them out. '
    'Kept for ever. Added to by the sequencer with the leaf; nothing but `is_done` may change.';

CREATE TABLE ledger_redaction (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    named_by   bigint NOT NULL CHECK (named_by > leaf_index),
    PRIMARY KEY (state, leaf_index)
);
COMMENT ON TABLE ledger_redaction IS
    'Which leaves are withdrawn, and the `redaction` leaf that says so. Kept for ever. Added to by '
    'the sequencer with that leaf; no role may update or delete.';

-- The one way by which a leaf's bytes go: no role may update `ledger_leaf`. The row must be named,
-- and what names it must be a `redaction` leaf of this ledger that cites it.
CREATE FUNCTION erase_leaf(of_state text, at_index bigint) RETURNS SETOF bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE ledger_leaf l SET bytes = ''
    FROM ledger_redaction r, ledger_leaf n
    WHERE l.state = of_state AND l.leaf_index = at_index AND length(l.bytes) > 0
        AND r.state = l.state AND r.leaf_index = l.leaf_index
        AND n.state = r.state AND n.leaf_index = r.named_by AND length(n.bytes) > 0
        AND convert_from(n.bytes, 'UTF8')::jsonb @> jsonb_build_object(
            'k', 'redaction', 're', of_state || '/' || at_index)
    RETURNING l.leaf_index;
END;
REVOKE ALL ON FUNCTION erase_leaf(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_leaf(text, bigint) TO comity_gateway;

-- What was deleted is out of reach only when its dead rows are vacuumed: at once, not some day.
GRANT MAINTAIN ON ledger_leaf, ledger_private, accepted, answer, hold, result TO comity_gateway;

GRANT SELECT, INSERT, UPDATE (is_done) ON key_event TO comity_gateway;
GRANT SELECT, INSERT ON ledger_redaction TO comity_gateway;
GRANT SELECT ON key_event, ledger_redaction TO comity_reader;
ALTER TABLE key_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_redaction ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON key_event TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY gateway ON ledger_redaction TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON key_event FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
CREATE POLICY reader ON ledger_redaction FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
