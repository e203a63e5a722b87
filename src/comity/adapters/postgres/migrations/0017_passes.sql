-- Case passes and looks at urgent releases. What names a person is encrypted before it comes here.
-- Source: docs/adr/0034-passes-and-urgent-lane.md.

CREATE TABLE case_pass (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    pass_id    bytea  NOT NULL CHECK (length(pass_id) = 16),
    until      bigint NOT NULL,
    uses       int    NOT NULL DEFAULT 0,
    revoked_by bigint CHECK (revoked_by > leaf_index),
    key_month  int    NOT NULL,
    nonce      bytea  NOT NULL,
    body       bytea  NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE case_pass ALTER body SET STORAGE EXTERNAL;
CREATE INDEX case_pass_id ON case_pass (pass_id);
COMMENT ON TABLE case_pass IS
    'Passes of cases, as their reviewers signed them, with how often each was used and the leaf '
    'that revoked it. Kept for 14 days after the latest day on which one may hold. Written by the '
    'sequencer.';

CREATE TABLE after_review (
    state       text     NOT NULL,
    leaf_index  bigint   NOT NULL,
    exchange_id bytea    NOT NULL CHECK (length(exchange_id) = 16),
    due         bigint   NOT NULL,
    next_step   smallint NOT NULL DEFAULT 0,
    stands      text     NOT NULL DEFAULT 'open'
        CHECK (stands IN ('open', 'overdue', 'justified', 'not_justified')),
    changed_at  bigint   NOT NULL,
    key_month   int      NOT NULL,
    nonce       bytea    NOT NULL,
    body        bytea    NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE after_review ALTER body SET STORAGE EXTERNAL;
CREATE INDEX after_review_id ON after_review (exchange_id);
CREATE INDEX after_review_due ON after_review (due, state, leaf_index) WHERE stands = 'open';
COMMENT ON TABLE after_review IS
    'Urgent releases and what a person found of each afterwards, until when one must have looked. '
    'Those that were looked at are kept for 44 days. Written by the sequencer.';

GRANT SELECT, INSERT, DELETE, UPDATE (uses, revoked_by) ON case_pass TO comity_gateway;
GRANT SELECT, INSERT, DELETE, UPDATE (next_step, stands, changed_at) ON after_review
    TO comity_gateway;
GRANT MAINTAIN ON case_pass, after_review TO comity_gateway;
GRANT SELECT ON case_pass, after_review TO comity_reader;
ALTER TABLE case_pass ENABLE ROW LEVEL SECURITY;
ALTER TABLE after_review ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON case_pass TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY gateway ON after_review TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON case_pass FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
CREATE POLICY reader ON after_review FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
