-- How much came to a state's review desk in a day, by agency, and which holds somebody was paged of.
-- Source: docs/adr/0060-quotas-and-triage.md.

CREATE TABLE desk_day (
    state   text   NOT NULL,
    day     int    NOT NULL,
    agency  text   NOT NULL,
    came    bigint NOT NULL CHECK (came >= 0),
    refused bigint NOT NULL CHECK (refused >= 0),
    PRIMARY KEY (state, day, agency)
);
COMMENT ON TABLE desk_day IS
    'How many requests of an agency came to a reviewer on a day, and how many its quota refused: of '
    'states that have quotas alone, no person and no query. Days since 1970-01-01 in the state''s '
    'own zone. Kept until the day is over everywhere. Written by the sequencer.';

GRANT SELECT, INSERT, DELETE, UPDATE (came, refused) ON desk_day TO comity_gateway;
GRANT SELECT ON desk_day TO comity_reader;
ALTER TABLE desk_day ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON desk_day TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON desk_day FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));

-- None: nobody was paged, or the hold is from before this version.
ALTER TABLE hold ADD paged_at bigint;
GRANT UPDATE (paged_at) ON hold TO comity_gateway;
