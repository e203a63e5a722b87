-- What keeps the tables fit: rows that nobody may ask for any more go, and vacuum stays out of the
-- way of traffic. Source: docs/adr/0003-batch-transaction.md, "Freezing is planned".

-- When a line's rows have gone, its numbers still continue.
ALTER TABLE line_position
    ADD COLUMN last_frame bigint NOT NULL DEFAULT 0,
    ADD COLUMN made       bigint NOT NULL DEFAULT 0;
COMMENT ON TABLE line_position IS
    'Up to which delivery each line has acknowledged, and how far its frames and deliveries had '
    'come when their rows went. One row per line. Written by the origin and by expiry.';

-- Freezing rows that were only just added costs a fifth of the server's work under load; what is
-- dead is still vacuumed, and so is every table in time against wrap-around.
ALTER TABLE ledger_leaf    SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE ledger_private SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE ledger_key     SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE ledger_node    SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE accepted       SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE answer         SET (autovacuum_vacuum_insert_threshold = -1);
ALTER TABLE result         SET (autovacuum_vacuum_insert_threshold = -1);
