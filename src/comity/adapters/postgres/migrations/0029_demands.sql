-- Demands for what a state itself keeps. What names a person or a matter is encrypted before it
-- comes here. Source: docs/adr/0058-demands-for-own-data.md.

CREATE TABLE demand (
    state      text     NOT NULL,
    leaf_index bigint   NOT NULL,
    demand_id  bytea    NOT NULL CHECK (length(demand_id) = 16),
    kind       text     NOT NULL,
    answer_by  bigint   NOT NULL,
    warned     smallint NOT NULL DEFAULT 0 CHECK (warned BETWEEN 0 AND 3),
    acts       smallint NOT NULL DEFAULT 0 CHECK (acts BETWEEN 0 AND 64),
    -- None of one: a cut of the ledger took the leaf of what was handed over.
    handed     bigint[] NOT NULL DEFAULT '{}',
    ended_by   bigint   CHECK (ended_by > leaf_index),
    key_month  int      NOT NULL,
    nonce      bytea    NOT NULL,
    body       bytea    NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE demand ALTER body SET STORAGE EXTERNAL;
CREATE INDEX demand_open ON demand (state, answer_by) WHERE ended_by IS NULL;
COMMENT ON TABLE demand IS
    'The register of demands for the state''s own data, as people signed them, with what was done. '
    'Kept for ever; its content goes with the month''s key. Written by the sequencer with the leaf; '
    'acts that have no leaf, and warnings, by the gateway.';

GRANT SELECT, INSERT, DELETE,
    UPDATE (answer_by, warned, acts, handed, ended_by, key_month, nonce, body)
    ON demand TO comity_gateway;
GRANT MAINTAIN ON demand TO comity_gateway;
GRANT SELECT ON demand TO comity_reader;
ALTER TABLE demand ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON demand TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON demand FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
