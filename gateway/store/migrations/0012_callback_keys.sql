-- The key of a job's callback URLs, where path and query of them must not be stored in clear text.
-- It is deleted after the last delivery to them.
ALTER TABLE jobs ADD COLUMN callback_key TEXT;
