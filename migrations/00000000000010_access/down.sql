ALTER TABLE access.tokens
    DROP COLUMN roles,
    DROP COLUMN workspace,
    DROP COLUMN networks,
    DROP COLUMN subject,
    DROP COLUMN last_used_at;
