-- What an agency replied to a reviewer: the leaves of its messages, beside the hold.
-- Source: docs/adr/0042-asking-in-the-browser.md.

ALTER TABLE hold ADD replies bigint[] NOT NULL DEFAULT '{}';

GRANT UPDATE (replies) ON hold TO comity_gateway;
