-- A first reviewer's approval, which a second one may confirm: kept beside a hold, encrypted.
-- Source: docs/adr/0049-second-review.md.

ALTER TABLE hold
    -- None: nobody has proposed a release.
    ADD proposal_month int,
    ADD proposal_nonce bytea,
    ADD proposal_body bytea,
    ADD CHECK (num_nulls(proposal_month, proposal_nonce, proposal_body) IN (0, 3));

GRANT UPDATE (proposal_month, proposal_nonce, proposal_body) ON hold TO comity_gateway;
