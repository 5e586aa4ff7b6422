-- State of the gateway. Columns of type BYTEA hold ciphertext or keyed digests; nothing here names or describes a
-- person in clear. Times are milliseconds since 1970 (UTC). Only what SQLite and PostgreSQL have in common is used.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE cases (
    case_id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    exercised TEXT NOT NULL,
    format TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    delivery_date BIGINT NOT NULL,
    waiting TEXT NOT NULL,
    window_ms BIGINT,
    -- When the archive is written at the latest, and when missing entities are escalated; set when the fan-out starts.
    due_at BIGINT,
    escalate_at BIGINT,
    requested TEXT NOT NULL,
    group_version BIGINT NOT NULL,
    group_sha256 TEXT NOT NULL,
    decisions TEXT NOT NULL,
    -- Wrapped keys. Without content_key everything of the person is gone; record_key keeps who did what.
    content_key BYTEA,
    record_key BYTEA NOT NULL,
    person BYTEA,
    record BYTEA NOT NULL,
    request_ref_mac BYTEA NOT NULL,
    -- W3C trace context of the call that opened the case: what is done for it belongs to that trace.
    trace TEXT,
    -- Number of the case's last event.
    cursor BIGINT NOT NULL
);
CREATE INDEX cases_newest ON cases (opened_at, case_id);
CREATE INDEX cases_due ON cases (due_at) WHERE state IN ('LOCATING', 'PLANNED', 'RUNNING');
CREATE INDEX cases_escalate ON cases (escalate_at) WHERE escalate_at IS NOT NULL;
CREATE INDEX cases_request_ref ON cases (request_ref_mac);

CREATE TABLE tasks (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    position BIGINT NOT NULL,
    state TEXT NOT NULL,
    disposition TEXT NOT NULL,
    reason BYTEA,
    locate_instruction TEXT NOT NULL,
    export_instruction TEXT NOT NULL,
    -- How many of the case's identifiers its instructions are about: an instruction repeated says the same.
    identifiers BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    -- Failures that count towards parking; pauses in a row without progress; all attempts that failed.
    failed_attempts BIGINT NOT NULL,
    misses BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    observed_since BIGINT,
    last_attempt_at BIGINT,
    next_attempt_at BIGINT,
    lease_token TEXT,
    lease_until BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    -- The archive that carries the final answer.
    archive BIGINT,
    escalated_at BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, entity)
);
CREATE INDEX tasks_due ON tasks (next_attempt_at) WHERE state IN ('QUEUED', 'LOCATED', 'EXPORTING');
CREATE INDEX tasks_disposition ON tasks (disposition);

-- Only parts of the current instruction and generation of a task.
CREATE TABLE parts (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    part BIGINT NOT NULL,
    object TEXT NOT NULL,
    descriptor BYTEA NOT NULL,
    PRIMARY KEY (case_id, entity, part)
);

CREATE TABLE tables (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    dataset TEXT NOT NULL,
    collection TEXT NOT NULL,
    description BYTEA NOT NULL,
    PRIMARY KEY (case_id, entity, dataset, collection)
);

CREATE TABLE attestations (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    instruction TEXT NOT NULL,
    disposition TEXT NOT NULL,
    envelope BYTEA NOT NULL,
    verified_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, entity, instruction)
);

CREATE TABLE archives (
    case_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    assembled_at BIGINT NOT NULL,
    -- How each entity stood when the archive fell due: what it is built from, also after a crash.
    draft BYTEA,
    object TEXT,
    pieces BYTEA,
    file_name TEXT,
    size BIGINT,
    tagmanifest_sha256 TEXT,
    complete BOOLEAN,
    delivered_at BIGINT,
    PRIMARY KEY (case_id, sequence)
);
CREATE INDEX archives_drafts ON archives (case_id) WHERE object IS NULL;

CREATE TABLE events (
    case_id TEXT NOT NULL,
    cursor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    entity TEXT,
    disposition TEXT,
    parts BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    detail BYTEA,
    actor BYTEA,
    PRIMARY KEY (case_id, cursor)
);

-- Keyed digests of a caller's request_id and of what was asked under it.
CREATE TABLE request_ids (
    request_mac BYTEA NOT NULL PRIMARY KEY,
    content_mac BYTEA NOT NULL,
    case_id TEXT NOT NULL
);

-- Exports whose agents still have to be told that they are over.
CREATE TABLE finishes (
    instruction TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL
);
CREATE INDEX finishes_due ON finishes (next_attempt_at);
