-- Public documents that leaves name: key events, and the openings that prove a reveal.
-- A policy's document is its row in `policy`. Source: docs/adr/0024-private-records.md.

CREATE TABLE ledger_document (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    body       bytea  NOT NULL CHECK (length(body) <= 4194304),
    PRIMARY KEY (state, leaf_index)
);
COMMENT ON TABLE ledger_document IS
    'The public document of a leaf that has one. Nothing personal. Kept for ever. Added to by the '
    'sequencer; no role may update or delete.';

GRANT SELECT, INSERT ON ledger_document TO comity_gateway;
GRANT SELECT ON ledger_document TO comity_reader;
ALTER TABLE ledger_document ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON ledger_document TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON ledger_document FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
