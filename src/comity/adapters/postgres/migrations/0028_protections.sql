-- People whose address is confidential. What names one is encrypted before it comes here, and is
-- found by a keyed hash. Source: docs/adr/0055-residents-and-warnings.md.

CREATE TABLE protection (
    state         text  NOT NULL,
    protection_id bytea NOT NULL CHECK (length(protection_id) = 16),
    tag           bytea NOT NULL CHECK (length(tag) = 16),
    key_month     int   NOT NULL,
    nonce         bytea NOT NULL,
    body          bytea NOT NULL,
    PRIMARY KEY (state, protection_id, tag)
);
ALTER TABLE protection ALTER body SET STORAGE EXTERNAL;
CREATE INDEX protection_tag ON protection (state, tag);
CREATE INDEX protection_key ON protection (state, key_month);
COMMENT ON TABLE protection IS
    'Protections of confidential addresses, as people signed them, a row for each person or vehicle '
    'that one names; no name, number or address in clear. Kept for 366 days after its end, under '
    'the newest month key. Written by the gateway.';

GRANT SELECT, INSERT, DELETE, UPDATE (key_month, nonce, body) ON protection TO comity_gateway;
GRANT SELECT ON protection TO comity_reader;
ALTER TABLE protection ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON protection TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON protection FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
