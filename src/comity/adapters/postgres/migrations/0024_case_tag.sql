-- By what open holds of one agency and case number are found, without opening them.
-- Source: docs/adr/0048-requests-of-one-case.md.

ALTER TABLE hold
    -- None: no case number is stated, or the hold is from before this version.
    ADD case_tag bytea CHECK (length(case_tag) = 16);
CREATE INDEX hold_case ON hold (state, case_tag, (asked_at IS NOT NULL), until, leaf_index)
    WHERE is_open AND waits_for = 'review' AND case_tag IS NOT NULL;
