-- What members tell other agencies about their records, as text that anyone on the network may read.

CREATE TABLE help_file (
    state      text   NOT NULL,
    file       text   NOT NULL CHECK (length(file) = 3),
    body       text   NOT NULL CHECK (length(body) <= 8192),
    changed_by bytea  NOT NULL CHECK (length(changed_by) = 16),
    PRIMARY KEY (state, file)
);
COMMENT ON TABLE help_file IS
    'Help files as they stand, empty after one was cancelled; each change is an exchange of its own '
    'in the ledger. One row per member and file. Written by the directory desk.';

GRANT SELECT, INSERT, UPDATE ON help_file TO comity_gateway;
GRANT SELECT ON help_file TO comity_reader;
ALTER TABLE help_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON help_file TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON help_file FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
