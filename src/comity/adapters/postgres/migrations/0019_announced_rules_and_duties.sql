-- Announced rules, `policy` leaves in mode shadow, whose bundle is the leaf's document; and duties.
-- Source: docs/adr/0030-announcing-rules.md.

CREATE TABLE policy_shadow (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    since      bigint NOT NULL,
    PRIMARY KEY (state, leaf_index),
    -- Where a ledger is cut, its documents go, and what was announced by them goes with them.
    FOREIGN KEY (state, leaf_index) REFERENCES ledger_document ON DELETE CASCADE
);
COMMENT ON TABLE policy_shadow IS
    'Which documents are announced rules, and since when (Unix seconds). The last one after the '
    'policy in force stands. Kept for ever. Added to by the sequencer; no role may update or '
    'delete.';

GRANT SELECT, INSERT ON policy_shadow TO comity_gateway;
GRANT SELECT ON policy_shadow TO comity_reader;
ALTER TABLE policy_shadow ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON policy_shadow TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON policy_shadow FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));

-- Duties: what is to be done after a commit, from a row of the same transaction.
CREATE TABLE duty (
    duty_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    kind       text   NOT NULL,
    made_at    bigint NOT NULL
);
COMMENT ON TABLE duty IS
    'What is still to be done about a leaf, by kind: someone is to be paged. Nothing personal. '
    'Written by the sequencer with the leaf; kept until it is done.';

GRANT SELECT, INSERT, DELETE ON duty TO comity_gateway;
GRANT SELECT ON duty TO comity_reader;
ALTER TABLE duty ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON duty TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON duty FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
