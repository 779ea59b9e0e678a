-- A service that shows its client certificate is a token without a text; what people signed in for is
-- listed while it lasts.
ALTER TABLE access.tokens DROP CONSTRAINT tokens_kind_check;
ALTER TABLE access.tokens
    ADD CONSTRAINT tokens_kind_check CHECK (kind IN ('bearer', 'session', 'service'));
CREATE INDEX tokens_sign_ins ON access.tokens (created_at DESC, id DESC)
    WHERE revoked_at IS NULL AND (kind = 'session' OR subject IS NOT NULL);
