-- The bytes of a small part, as carried, sealed: a file of its own would cost more than its content. Null for what is in
-- the spool, and for what is no part.
ALTER TABLE item ADD COLUMN content BLOB;
