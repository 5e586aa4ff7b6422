-- When the request reached the group, from which its month counts (Art. 12(3) GDPR). Null where the gateway did not say.
ALTER TABLE export ADD COLUMN received_at INTEGER;
