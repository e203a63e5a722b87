-- What an exchange keeps beside its leaves. Everything personal is encrypted before it comes here.
-- Ids begin with their time, so rows that came together stand together.

CREATE TABLE accepted (
    query_id       bytea    NOT NULL PRIMARY KEY CHECK (length(query_id) = 16),
    state          text     NOT NULL,
    line           text     NOT NULL,
    frame_no       bigint   NOT NULL,
    frame_digest   bytea    NOT NULL,
    accepted_at    bigint   NOT NULL,
    exchange_count smallint NOT NULL CHECK (exchange_count > 0),
    leaf_index     bigint   NOT NULL,
    key_month      int      NOT NULL,
    nonce          bytea    NOT NULL,
    body           bytea    NOT NULL,
    CONSTRAINT accepted_frame UNIQUE (line, frame_no)
);
ALTER TABLE accepted ALTER body SET STORAGE EXTERNAL;
COMMENT ON TABLE accepted IS
    'The origin''s queries, committed with their leaves and before any is sent. Kept beyond the '
    'seven days in which a query may be open. Added to by the sequencer.';

CREATE TABLE answer (
    exchange_id  bytea    NOT NULL CHECK (length(exchange_id) = 16),
    state        text     NOT NULL,
    step         smallint NOT NULL CHECK (step >= 0),
    leaf_indexes bigint[] NOT NULL CHECK (cardinality(leaf_indexes) > 0),
    key_month    int      NOT NULL,
    nonce        bytea    NOT NULL,
    body         bytea    NOT NULL,
    PRIMARY KEY (exchange_id, state, step)
);
ALTER TABLE answer ALTER body SET STORAGE EXTERNAL;
COMMENT ON TABLE answer IS
    'The answering state''s answers, committed with their leaves; a repeat gets the same bytes. '
    'Kept beyond the seven days in which a repeat is answered. Added to by the sequencer.';

CREATE TABLE hold (
    state       text     NOT NULL,
    leaf_index  bigint   NOT NULL,
    exchange_id bytea    NOT NULL CHECK (length(exchange_id) = 16),
    opened_at   bigint   NOT NULL,
    until       bigint   NOT NULL,
    next_step   smallint NOT NULL CHECK (next_step > 0),
    is_open     boolean  NOT NULL DEFAULT true,
    key_month   int      NOT NULL,
    nonce       bytea    NOT NULL,
    body        bytea    NOT NULL,
    PRIMARY KEY (state, leaf_index)
);
ALTER TABLE hold ALTER body SET STORAGE EXTERNAL;
CREATE INDEX hold_until ON hold (until, state, leaf_index) WHERE is_open;
COMMENT ON TABLE hold IS
    'Decisions that wait for a person, until a verdict or their time ends them. Closed ones are '
    'kept as long as answers are. Written by the sequencer.';

CREATE TABLE result (
    exchange_id bytea    NOT NULL CHECK (length(exchange_id) = 16),
    step        smallint NOT NULL CHECK (step >= 0),
    query_id    bytea    NOT NULL CHECK (length(query_id) = 16),
    state       text     NOT NULL,
    line        text     NOT NULL,
    number      bigint   NOT NULL,
    is_final    boolean  NOT NULL,
    key_month   int      NOT NULL,
    nonce       bytea    NOT NULL,
    body        bytea    NOT NULL,
    PRIMARY KEY (exchange_id, step)
);
ALTER TABLE result ALTER body SET STORAGE EXTERNAL;
CREATE INDEX result_query ON result (query_id);
CREATE INDEX result_line ON result (line, number);
COMMENT ON TABLE result IS
    'Answers at the origin as rendered, delivered until their line acknowledges them. Not waited '
    'for on disk: a lost one is asked for again. Kept as long as `accepted`. Written by the origin.';

CREATE TABLE line_position (
    line         text   NOT NULL PRIMARY KEY,
    acknowledged bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE line_position IS
    'Up to which delivery each line has acknowledged. One row per line. Written by the origin.';
