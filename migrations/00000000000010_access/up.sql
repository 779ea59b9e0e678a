-- What a token may be bound to, and when it was last used.
ALTER TABLE access.tokens
    ADD COLUMN roles text[] NOT NULL DEFAULT '{}',
    ADD COLUMN workspace text COLLATE "C",
    ADD COLUMN networks text[] NOT NULL DEFAULT '{}',
    ADD COLUMN subject text COLLATE "C",
    ADD COLUMN last_used_at timestamptz;
