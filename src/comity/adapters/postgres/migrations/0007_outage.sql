-- What members announce of their own service. Nothing personal; small: a row per member and key.
CREATE TABLE outage (
    state    text   NOT NULL,
    key      text   NOT NULL,
    kind     text   NOT NULL,
    since    bigint NOT NULL,
    PRIMARY KEY (state, key)
);
COMMENT ON TABLE outage IS
    'Message keys (`ALL`: each) that a member has announced as out of service, and how its asks are '
    'answered meanwhile. Kept until the member takes it back. Written by the gateway.';

GRANT SELECT, INSERT, UPDATE, DELETE ON outage TO comity_gateway;
GRANT SELECT ON outage TO comity_reader;
ALTER TABLE outage ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON outage TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON outage FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
