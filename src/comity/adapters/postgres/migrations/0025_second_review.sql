-- What is kept of a hold gains a first reviewer's approval, which a second one may confirm.
-- Source: docs/adr/0049-second-review.md.

GRANT UPDATE (key_month, nonce, body) ON hold TO comity_gateway;
