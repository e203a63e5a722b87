-- Members whose loosening publications are frozen, because the referee of their rules disagreed.
-- Source: docs/adr/0032-second-proof-and-certificates.md.
CREATE TABLE policy_freeze (
    state      text   NOT NULL PRIMARY KEY,
    leaf_index bigint NOT NULL,
    since      bigint NOT NULL,
    what       text   NOT NULL
);
COMMENT ON TABLE policy_freeze IS
    'The policy under which a live decision and its referee disagreed, since when (Unix seconds), '
    'and what each said; nothing of a person. Kept until two people end it. Written by the gateway.';

GRANT SELECT, INSERT, DELETE ON policy_freeze TO comity_gateway;
GRANT SELECT ON policy_freeze TO comity_reader;
ALTER TABLE policy_freeze ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON policy_freeze TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON policy_freeze FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
