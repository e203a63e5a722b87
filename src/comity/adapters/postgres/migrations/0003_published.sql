-- What a member has published: its rules, its part of the directory, its checkpoints.

CREATE TABLE policy (
    state      text   NOT NULL,
    leaf_index bigint NOT NULL,
    digest     bytea  NOT NULL CHECK (length(digest) = 32),
    body       bytea  NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
COMMENT ON TABLE policy IS
    'Policy bundles as published, each with its leaf; the head names the one in force. Kept for '
    'ever. Added to by the sequencer; no role may update or delete.';

CREATE TABLE directory (
    state      text   NOT NULL,
    version    bigint NOT NULL,
    leaf_index bigint NOT NULL,
    body       bytea  NOT NULL,
    signature  bytea  NOT NULL,
    PRIMARY KEY (state, version)
);
COMMENT ON TABLE directory IS
    'Each member''s signed part of the directory, every version with its leaf. Kept for ever. '
    'Added to by the sequencer; no role may update or delete.';

CREATE TABLE checkpoint (
    state text   NOT NULL,
    size  bigint NOT NULL,
    note  bytea  NOT NULL,
    PRIMARY KEY (state, size)
);
COMMENT ON TABLE checkpoint IS
    'Public checkpoints: one signed note per size. Kept for ever. Added to by the publisher; no '
    'role may update or delete.';
