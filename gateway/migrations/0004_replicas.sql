-- Several processes of one gateway on one database: which of them run, which agents are connected to which, who writes
-- an archive, and work that one of them does for all. Times are milliseconds since 1970 (UTC).

-- A process is there while it says so every few seconds.
CREATE TABLE replicas (
    replica_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- Agents that dial in, by the process that they are connected to.
CREATE TABLE replica_links (
    replica_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    PRIMARY KEY (replica_id, entity)
);

-- Work that any process does for all of them, and when it is due next.
CREATE TABLE chores (
    chore TEXT NOT NULL PRIMARY KEY,
    next_at BIGINT NOT NULL
);

-- The process that took the task up last.
ALTER TABLE tasks ADD COLUMN held_by TEXT;

-- Who writes the archive, and until when it belongs to them.
ALTER TABLE archives ADD COLUMN lease_token TEXT;
ALTER TABLE archives ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;

CREATE INDEX finishes_entity ON finishes (entity, next_attempt_at);
