-- The built-in source of records: a state that has none connected, and every practice state.
-- Only the answer face reads it. No reader role does: who looks at a record leaves an `access` leaf.

CREATE TABLE source_driver (
    state    text  NOT NULL,
    oln      text  NOT NULL,
    name_key text  NOT NULL,
    birth    date  NOT NULL,
    sex      text  NOT NULL,
    kind     text  NOT NULL,
    record   bytea NOT NULL,
    photo    bytea,
    PRIMARY KEY (state, oln)
);
CREATE INDEX source_driver_name ON source_driver (state, name_key, birth, sex);
COMMENT ON TABLE source_driver IS
    'Driver records: the keys that a query names, the elements as MessagePack, the photo apart. '
    'Kept as the state keeps its records. Written by the loader.';

CREATE TABLE source_vehicle (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state      text  NOT NULL,
    plate      text  NOT NULL,
    plate_year text  NOT NULL,
    plate_type text  NOT NULL,
    vin        text  NOT NULL,
    kind       text  NOT NULL,
    record     bytea NOT NULL
);
CREATE INDEX source_vehicle_plate ON source_vehicle (state, plate, plate_type);
CREATE INDEX source_vehicle_vin ON source_vehicle (state, vin);
COMMENT ON TABLE source_vehicle IS
    'Registrations and titles: the keys that a query names, the elements as MessagePack. Kept as '
    'the state keeps its records. Written by the loader.';
