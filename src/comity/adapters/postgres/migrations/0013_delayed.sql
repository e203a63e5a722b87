-- Leaves whose public detail is sealed, until the time when it is opened by a `reveal` leaf.
-- Source: docs/adr/0024-private-records.md.

CREATE TABLE delayed_detail (
    state      text    NOT NULL,
    leaf_index bigint  NOT NULL,
    made_month int     NOT NULL,
    opens_at   bigint  NOT NULL,
    is_open    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (state, leaf_index)
);
CREATE INDEX delayed_detail_due ON delayed_detail (opens_at, state COLLATE "C", leaf_index)
    WHERE NOT is_open;
COMMENT ON TABLE delayed_detail IS
    'Leaves with sealed detail: the months since 1970-01 of their commit, when they are to be '
    'opened (Unix seconds), and whether they were. Nothing personal. Kept for ever. Written by the '
    'sequencer.';

GRANT SELECT, INSERT, UPDATE (is_open) ON delayed_detail TO comity_gateway;
GRANT SELECT ON delayed_detail TO comity_reader;
ALTER TABLE delayed_detail ENABLE ROW LEVEL SECURITY;
CREATE POLICY gateway ON delayed_detail TO comity_gateway USING (true) WITH CHECK (true);
CREATE POLICY reader ON delayed_detail FOR SELECT TO comity_reader USING (state = ANY (
    (SELECT string_to_array(current_setting('comity.states', true), ','))::text[]));
