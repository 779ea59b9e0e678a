-- Who may do what. Of a token's text only its SHA-256 is kept.
CREATE SCHEMA IF NOT EXISTS access;

CREATE TABLE access.tokens (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('bearer', 'session')),
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL,
    issued_by uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX tokens_newest ON access.tokens (kind, created_at DESC, id DESC);
CREATE INDEX tokens_issued_by ON access.tokens (issued_by) WHERE issued_by IS NOT NULL;
