-- Instruments as two people of a state read them. What names a person is encrypted before it comes
-- here. Source: docs/adr/0046-instruments.md.

CREATE TABLE instrument (
    state         text   NOT NULL,
    leaf_index    bigint NOT NULL,
    instrument_id bytea  NOT NULL CHECK (length(instrument_id) = 16),
    until         bigint NOT NULL,
    uses          int    NOT NULL DEFAULT 0,
    verified_by   bigint CHECK (verified_by > leaf_index),
    revoked_by    bigint CHECK (revoked_by > leaf_index),
    key_month     int    NOT NULL,
    nonce         bytea  NOT NULL,
    body          bytea  NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE instrument ALTER body SET STORAGE EXTERNAL;
CREATE INDEX instrument_id ON instrument (instrument_id);
COMMENT ON TABLE instrument IS
    'Legal instruments, as their reviewers signed them, with how often each was used and the leaves '
    'that verified and revoked it. Kept for 14 days after the latest day on which one may count. '
    'Written by the sequencer.';

GRANT SELECT, INSERT, DELETE, UPDATE (uses, verified_by, revoked_by, key_month, nonce, body)
    ON instrument TO comity_gateway;
GRANT MAINTAIN ON instrument TO comity_gateway;
GRANT SELECT ON instrument TO comity_reader;
ALTER TABLE instrument ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON instrument TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON instrument FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
