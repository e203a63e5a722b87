-- Recorded traffic by the rules that stood last when it was answered, announced ones too; and what
-- a row does not hold is empty. Source: docs/adr/0033-replay.md.

ALTER TABLE traffic ADD COLUMN under bigint NOT NULL DEFAULT -1;
ALTER TABLE traffic ALTER COLUMN under DROP DEFAULT;
ALTER TABLE traffic DROP CONSTRAINT traffic_pkey;
ALTER TABLE traffic ADD PRIMARY KEY (state, month, under, request);
COMMENT ON COLUMN traffic.under IS
    'The last leaf before the answer that put rules into force or announced some; -1 where that is '
    'not known any more.';

-- Record kind, fan-out, emergency and budget were not held, and stood at their defaults.
UPDATE traffic SET request = regexp_replace(
    request,
    '^((?:[^,]*,){6})[^,]*,((?:[^,]*,){3})[^,]*,[^,]*,([^,]*),[^,]*,([^,]*)$', '\1,\2,,\3,,\4');

-- Rules of a ledger that was cut off announced nothing in its successor's: its leaves of then have
-- their numbers again. What was counted under them stays in the counts, under no rules.
CREATE OR REPLACE FUNCTION set_back_fold() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE traffic_fold SET folded = NEW.leaf_index
    WHERE state = NEW.state AND folded > NEW.leaf_index;
    WITH cut AS (
        DELETE FROM traffic WHERE state = NEW.state AND under >= NEW.leaf_index
        RETURNING month, request, count
    )
    INSERT INTO traffic AS t (state, month, under, request, count)
    SELECT NEW.state, month, -1, request, sum(count) FROM cut GROUP BY month, request
    ON CONFLICT (state, month, under, request) DO UPDATE SET count = t.count + excluded.count;
    RETURN NULL;
END $$;
