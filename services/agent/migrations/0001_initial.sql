-- What an agent remembers. Nothing here is personal data in clear: requests and descriptors are sealed under the
-- export's own key, which is wrapped by the key-encryption key and dropped when the export ends.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The group file in force, whose version only rises.
CREATE TABLE group_in_force (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    accepted_at INTEGER NOT NULL
) STRICT;

-- One row per instruction, also after its end: an instruction repeated is answered from here. Times are milliseconds.
CREATE TABLE export (
    instruction TEXT PRIMARY KEY,
    case_id TEXT NOT NULL,
    -- HMAC of what was asked: tells a repetition from another request under the same id.
    fingerprint BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'attested', 'finished', 'expired')),
    -- The last generation that started; it only rises.
    generation INTEGER NOT NULL,
    -- Both are dropped when the export ends: what they sealed is shredded.
    wrapped_key BLOB,
    request BLOB,
    -- Why it waits and until when, in words without personal data.
    reason TEXT,
    retry_at INTEGER,
    -- Walks that failed since it was started.
    failures INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX export_open ON export (expires_at) WHERE state IN ('pending', 'running', 'attested');

-- Tables and parts of the current generation, sealed, in the order in which they came.
CREATE TABLE item (
    instruction TEXT NOT NULL REFERENCES export (instruction),
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    -- The part's index; null for a table.
    part INTEGER,
    sealed BLOB NOT NULL,
    PRIMARY KEY (instruction, generation, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX item_part ON item (instruction, generation, part) WHERE part IS NOT NULL;

-- What stood in the way of a dataset, since when and how often: after a bounded time it is named as not searched.
CREATE TABLE trouble (
    instruction TEXT NOT NULL REFERENCES export (instruction),
    dataset TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('unavailable', 'snapshot_too_long')),
    since INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (instruction, dataset, kind)
) STRICT, WITHOUT ROWID;

-- What the entity signed, kept for good.
CREATE TABLE attestation (
    instruction TEXT NOT NULL REFERENCES export (instruction),
    generation INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    signed_at INTEGER NOT NULL,
    PRIMARY KEY (instruction, generation)
) STRICT, WITHOUT ROWID;
