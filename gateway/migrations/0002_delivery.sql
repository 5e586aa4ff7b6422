-- Links with which people download archives, and what became of archives whose retention is over (GRP-9).

-- Only a keyed digest of a link's token is here. `record` is sealed under the case's record key: who made the link, and
-- by which channel it was to reach the person.
CREATE TABLE links (
    link_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    token_mac BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    max_downloads BIGINT NOT NULL,
    -- Complete downloads, and downloads that were begun.
    downloads BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    -- Bytes handed to browsers, over all downloads, complete or not.
    sent BIGINT NOT NULL,
    confirm_delivery BOOLEAN NOT NULL,
    language TEXT,
    record BYTEA NOT NULL,
    last_download_at BIGINT,
    -- When a use that was refused was last recorded.
    refused_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX links_token ON links (token_mac);
CREATE INDEX links_case ON links (case_id, created_at);

-- One download that was begun with a link; it may be cut and go on.
CREATE TABLE link_sessions (
    session_mac BYTEA NOT NULL PRIMARY KEY,
    link_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    -- The lowest byte that was asked for.
    lowest BIGINT,
    completed_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX link_sessions_link ON link_sessions (link_id, created_at);
CREATE INDEX link_sessions_expired ON link_sessions (expires_at);

-- When an archive's bytes were dropped. Its row stays, as evidence that it existed.
ALTER TABLE archives ADD COLUMN shredded_at BIGINT;
CREATE INDEX archives_delivered ON archives (delivered_at) WHERE shredded_at IS NULL;
CREATE INDEX archives_undelivered ON archives (assembled_at) WHERE shredded_at IS NULL AND delivered_at IS NULL;
CREATE INDEX cases_kept ON cases (case_id) WHERE state = 'CLOSED' AND content_key IS NOT NULL;

-- What is left of an attestation when its case was shredded: its SHA-256, sealed under the case's record key.
CREATE TABLE attested (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    instruction TEXT NOT NULL,
    disposition TEXT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (case_id, entity, instruction)
);
