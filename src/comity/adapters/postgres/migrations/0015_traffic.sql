-- Recorded traffic as a roll-up, and how far each ledger is folded into it.
-- Source: docs/adr/0033-replay.md.

CREATE TABLE traffic (
    state   text   NOT NULL,
    month   int    NOT NULL,
    request text   COLLATE "C" NOT NULL CHECK (length(request) <= 400),
    count   bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (state, month, request)
);
COMMENT ON TABLE traffic IS
    'How often in a month (since 1970-01) a member was asked what: everything that a rule may look '
    'at, nothing of a person. Kept 36 months. Written by the gateway.';

CREATE TABLE traffic_fold (
    state  text   NOT NULL PRIMARY KEY,
    folded bigint NOT NULL CHECK (folded >= 0),
    lost   bigint NOT NULL DEFAULT 0 CHECK (lost >= 0)
);
COMMENT ON TABLE traffic_fold IS
    'Up to which leaf each ledger is folded into `traffic`, and how many leaves could not be read '
    'any more; one row per ledger. Nothing personal. Written by the gateway with the rows.';

GRANT SELECT, INSERT, DELETE, UPDATE (count) ON traffic TO comity_gateway;
GRANT SELECT, INSERT, UPDATE (folded, lost) ON traffic_fold TO comity_gateway;
GRANT SELECT ON traffic, traffic_fold TO comity_reader;
ALTER TABLE traffic ENABLE ROW LEVEL SECURITY;
ALTER TABLE traffic_fold ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON traffic TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY gateway ON traffic_fold TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON traffic FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
CREATE POLICY reader ON traffic_fold FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));

-- A successor's own leaves begin at indexes that the retired ledger had used: they are folded too.
-- In the transaction of the succession, whoever carries that out.
CREATE FUNCTION set_back_fold() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE traffic_fold SET folded = NEW.leaf_index
    WHERE state = NEW.state AND folded > NEW.leaf_index;
    RETURN NULL;
END $$;
CREATE TRIGGER set_back_fold AFTER INSERT ON ledger_succession
    FOR EACH ROW EXECUTE FUNCTION set_back_fold();
