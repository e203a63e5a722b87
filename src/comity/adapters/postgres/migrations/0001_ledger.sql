-- The ledgers of the members that are hosted here. Leaves, nodes and keys are only ever added.
-- Sources: docs/adr/0002-ids-vocabularies-leaves.md, docs/adr/0003-batch-transaction.md.

-- A page per head and room in it: the row is rewritten at every commit and never moves (HOT).
CREATE TABLE ledger_head (
    state    text   NOT NULL PRIMARY KEY,
    size     bigint NOT NULL CHECK (size >= 0),
    root     bytea  NOT NULL CHECK (length(root) = 32),
    frontier bytea  NOT NULL,
    policy   bigint NOT NULL CHECK (policy >= -1),
    epoch    bigint NOT NULL CHECK (epoch > 0),
    host     text   NOT NULL
) WITH (fillfactor = 10);
ALTER TABLE ledger_head ALTER frontier SET STORAGE PLAIN;
COMMENT ON TABLE ledger_head IS
    'One ledger''s size, root, frontier, policy in force, and the host and epoch that own it. '
    'Kept for ever. Written by the owner''s sequencer, by compare-and-swap on size and epoch.';

CREATE TABLE ledger_leaf (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    hash       bytea  NOT NULL CHECK (length(hash) = 32),
    bytes      bytea  NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE ledger_leaf ALTER bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE ledger_leaf IS
    'Leaves as they are hashed and published; nothing personal. Kept for ever. Added to by the '
    'sequencer; no role may update or delete.';

CREATE TABLE ledger_node (
    state      text     NOT NULL,
    level      smallint NOT NULL CHECK (level > 0),
    node_index bigint   NOT NULL CHECK (node_index >= 0),
    hash       bytea    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (state, level, node_index)
);
COMMENT ON TABLE ledger_node IS
    'Roots of full tiles, entries of the tile level above, so that proofs stay cheap. Kept for '
    'ever. Added to by the sequencer; no role may update or delete.';

CREATE TABLE ledger_key (
    exchange_id bytea    NOT NULL CHECK (length(exchange_id) = 16),
    state       text     NOT NULL,
    step        smallint NOT NULL CHECK (step >= 0),
    leaf_index  bigint   NOT NULL,
    PRIMARY KEY (exchange_id, state, step)
);
COMMENT ON TABLE ledger_key IS
    'Which leaf a key (exchange or query, state, step) has: at most one, ever. Kept beyond the '
    'seven days in which a repeat is answered. Added to by the sequencer.';

CREATE TABLE ledger_private (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    key_month  int    NOT NULL,
    nonce      bytea  NOT NULL,
    body       bytea  NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE ledger_private ALTER body SET STORAGE EXTERNAL;
COMMENT ON TABLE ledger_private IS
    'A leaf''s private record under the member''s month key. Kept as long as the state''s records '
    'schedule says; its deletion is an expungement. Added to by the sequencer.';
