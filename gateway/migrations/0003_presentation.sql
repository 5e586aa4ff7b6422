-- What makes an answer readable for people, what an archive keeps when its answer is asked anew, and what a case needs
-- to be closable after the group has changed.

-- Previews and records of processing, sealed under the case's key. A record that an attestation speaks of outlives the
-- parts that came with it.
CREATE TABLE presentations (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    instruction TEXT NOT NULL,
    kind TEXT NOT NULL,
    dataset TEXT NOT NULL,
    collection TEXT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (case_id, entity, instruction, kind, dataset, collection)
);

-- Objects of parts that a written archive carries, once the entity is asked anew: the archive's bytes never change.
CREATE TABLE carried_parts (
    case_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    part BIGINT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (case_id, entity, sequence, part)
);

-- The language that the person is addressed in, BCP 47.
ALTER TABLE cases ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
-- When somebody was told that the case is late.
ALTER TABLE cases ADD COLUMN escalated_at BIGINT;
-- The group file in force here when the answer was verified: what its key is looked up in once the entity has left.
ALTER TABLE attestations ADD COLUMN group_version BIGINT;
