-- What witnesses added to checkpoints. The note that a ledger signed is never changed.

CREATE TABLE cosignature (
    state  text   NOT NULL,
    size   bigint NOT NULL,
    name   text   NOT NULL,
    key_id bytea  NOT NULL CHECK (length(key_id) = 4),
    line   bytea  NOT NULL,
    PRIMARY KEY (state, size, name, key_id)
);
COMMENT ON TABLE cosignature IS
    'One line for each witness that cosigned a checkpoint, the first that it gave. Public. Kept for '
    'ever. Added to by the gateway, which verified it; no role may update or delete.';

GRANT SELECT, INSERT ON cosignature TO comity_gateway;
GRANT SELECT ON cosignature TO comity_reader;
ALTER TABLE cosignature ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON cosignature TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON cosignature FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
