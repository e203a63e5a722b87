-- Whom operators and agencies asked about on a day, as keyed hashes, for the budgets of a member.
-- Source: docs/adr/0031-budgets.md.

CREATE TABLE counted_day (
    state     text  NOT NULL,
    day       int   NOT NULL,
    key_month int   NOT NULL,
    nonce     bytea NOT NULL,
    body      bytea NOT NULL,
    PRIMARY KEY (state, day)
);
COMMENT ON TABLE counted_day IS
    'The key of a day''s count, sealed under the member''s month key; days since 1970-01-01 in the '
    'state''s own zone. Kept until the day is over everywhere. Written by the gateway.';

CREATE TABLE counted_person (
    state    text    NOT NULL,
    day      int     NOT NULL,
    budget   bytea   NOT NULL CHECK (octet_length(budget) = 8),
    scope    bytea   NOT NULL CHECK (octet_length(scope) = 16),
    is_photo boolean NOT NULL,
    person   bytea   NOT NULL CHECK (octet_length(person) = 16),
    PRIMARY KEY (state, day, budget, scope, is_photo, person)
);
COMMENT ON TABLE counted_person IS
    'Whom an operator or an agency (scope) asked about on a day, once for each budget: both as '
    'hashes under the day''s key, no name and no number. Kept until the day is over everywhere. '
    'Written by the sequencer.';

GRANT SELECT, INSERT, DELETE ON counted_day, counted_person TO comity_gateway;
-- A reader counts; the key it never sees, so that a hash tells it nothing.
GRANT SELECT (state, day, budget, scope, is_photo) ON counted_person TO comity_reader;
ALTER TABLE counted_day ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON counted_day TO comity_gateway USING (true) WITH CHECK (true);
ALTER TABLE counted_person ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON counted_person TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON counted_person FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
