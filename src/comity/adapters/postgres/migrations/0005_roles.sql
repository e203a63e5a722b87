-- Two group roles, granted to the roles that log in. Roles belong to the whole cluster, so that
-- another database of it may have made them, or be making them now.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['comity_gateway', 'comity_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

-- The gateway adds. What it may change or delete stands here and nowhere else.
GRANT SELECT, INSERT ON
    ledger_leaf, ledger_node, policy, directory, checkpoint TO comity_gateway;
GRANT SELECT, INSERT, UPDATE ON ledger_head, line_position TO comity_gateway;
GRANT SELECT, INSERT, DELETE ON
    ledger_key, ledger_private, accepted, answer, result TO comity_gateway;
GRANT SELECT, INSERT, DELETE, UPDATE (next_step, is_open) ON hold TO comity_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON source_driver, source_vehicle TO comity_gateway;

-- The console and the command line read what is public or encrypted, never a source.
GRANT SELECT ON
    ledger_head, ledger_leaf, ledger_node, ledger_key, ledger_private, accepted, answer, hold,
    result, policy, directory, checkpoint TO comity_reader;

-- A reader sees the states that its session names (`SET comity.states = 'or,wa'`), and none if it
-- names none: a query that forgot its state shows nothing of another's.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'ledger_head', 'ledger_leaf', 'ledger_node', 'ledger_key', 'ledger_private', 'accepted',
        'answer', 'hold', 'result', 'policy', 'directory', 'checkpoint'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY gateway ON %I TO comity_gateway USING (true) WITH CHECK (true)', name
        );
        EXECUTE format(
            'CREATE POLICY reader ON %I FOR SELECT TO comity_reader USING (state = ANY ('
            '(SELECT string_to_array(current_setting(''comity.states'', true), '',''))::text[]))',
            name
        );
    END LOOP;
END $$;
