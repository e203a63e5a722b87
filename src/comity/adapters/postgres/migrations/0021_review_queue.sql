-- What the list of holds that wait for a review needs of a hold without opening it.
-- Source: docs/adr/0036-console.md.

ALTER TABLE hold
    -- Holds from before this version stood on every list, and stay there.
    ADD waits_for text NOT NULL DEFAULT 'review' CHECK (waits_for IN ('review', 'agency', 'nobody')),
    ADD asked_at bigint;
CREATE INDEX hold_queue ON hold (state, (asked_at IS NOT NULL), until, leaf_index)
    WHERE is_open AND waits_for = 'review';

GRANT UPDATE (asked_at) ON hold TO comity_gateway;
