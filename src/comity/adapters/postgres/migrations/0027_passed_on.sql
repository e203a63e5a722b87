-- Which holds a reviewer passed on, and who declared a conflict of interest: the second encrypted.
-- Source: docs/adr/0053-assignment-and-conflict-of-interest.md.

ALTER TABLE hold
    -- None: nobody has passed it on.
    ADD passed_at bigint,
    ADD passed_month int,
    ADD passed_nonce bytea,
    ADD passed_body bytea,
    ADD CHECK (num_nulls(passed_month, passed_nonce, passed_body) IN (0, 3));
CREATE INDEX hold_passed ON hold (state, until, leaf_index)
    WHERE is_open AND waits_for = 'review' AND passed_at IS NOT NULL;

GRANT UPDATE (passed_at, passed_month, passed_nonce, passed_body) ON hold TO comity_gateway;
