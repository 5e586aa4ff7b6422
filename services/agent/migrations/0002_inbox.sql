-- What waits for people at the entity: collections that only a person can search, and what a person is to see before it
-- leaves. Nothing here is personal data in clear: answers are sealed under the export's key, and digests are keyed.

-- What a walk found while people are waited for; its state is then 'running'.
ALTER TABLE export ADD COLUMN held BLOB;
-- Files that people have given for it, in the order of their numbers.
ALTER TABLE export ADD COLUMN given INTEGER NOT NULL DEFAULT 0;

-- Kept back until a person has answered. Such a row has no part's index yet.
ALTER TABLE item ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
-- The file in the spool, where it has another generation or number than the part: generation 0 is what people gave.
ALTER TABLE item ADD COLUMN source_generation INTEGER;
ALTER TABLE item ADD COLUMN source_index INTEGER;
-- What is to be looked at: a keyed digest of collection and content, so that an answer counts for the same bytes only.
ALTER TABLE item ADD COLUMN matter BLOB;
-- The question that it belongs to.
ALTER TABLE item ADD COLUMN question TEXT;

CREATE INDEX item_question ON item (question, position) WHERE question IS NOT NULL;

-- Kept for good: that somebody was asked, and who answered when.
CREATE TABLE question (
    id TEXT PRIMARY KEY,
    instruction TEXT NOT NULL REFERENCES export (instruction),
    kind TEXT NOT NULL CHECK (kind IN ('manual', 'review', 'decision')),
    -- As others see them.
    dataset TEXT NOT NULL,
    collection TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'withdrawn', 'lapsed')),
    ended_at INTEGER,
    UNIQUE (instruction, kind, dataset, collection)
) STRICT, WITHOUT ROWID;

CREATE INDEX question_open ON question (due_at) WHERE state = 'open';

CREATE TABLE answer (
    question TEXT NOT NULL REFERENCES question (id),
    -- As in item; empty for a question as a whole.
    matter BLOB NOT NULL,
    -- Tells a repetition from another answer.
    fingerprint BLOB NOT NULL,
    -- Dropped with the export's key.
    sealed BLOB,
    answered_by TEXT NOT NULL,
    answered_at INTEGER NOT NULL,
    PRIMARY KEY (question, matter)
) STRICT, WITHOUT ROWID;

-- What people are to be told, each thing once, until it was taken.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    question TEXT NOT NULL REFERENCES question (id),
    channel TEXT NOT NULL CHECK (channel IN ('log', 'mail', 'webhook')),
    stage TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it was taken, or needed no more.
    ended_at INTEGER,
    UNIQUE (question, channel, stage)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_open ON outbox (next_at) WHERE ended_at IS NULL;
