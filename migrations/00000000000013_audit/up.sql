-- Who did what. Each entry's hash is that of the hash before it and of what it says; every column goes
-- into it, so what is written here is as it is hashed. Nothing refers to anything: an entry outlives
-- whatever it speaks of.
CREATE TABLE access.audit_entries (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL CHECK (times > 0),
    actor_kind text COLLATE "C" NOT NULL,
    actor_id uuid,
    actor_name text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    action text COLLATE "C" NOT NULL,
    input bytea CHECK (octet_length(input) = 32),
    effect text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    reason text,
    request_id text COLLATE "C",
    address text COLLATE "C",
    workspace text COLLATE "C",
    intent uuid,
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_entries_time ON access.audit_entries (last_at);
CREATE INDEX audit_entries_actor ON access.audit_entries (actor_name, sequence DESC);
CREATE INDEX audit_entries_token ON access.audit_entries (actor_id, sequence DESC)
    WHERE actor_id IS NOT NULL;
CREATE INDEX audit_entries_subject ON access.audit_entries (subject, sequence DESC)
    WHERE subject IS NOT NULL;
CREATE INDEX audit_entries_action ON access.audit_entries (action, sequence DESC);
CREATE INDEX audit_entries_request ON access.audit_entries (request_id, sequence DESC)
    WHERE request_id IS NOT NULL;

-- One row: where the chain ends. Whoever appends holds it, so there is one chain.
CREATE TABLE access.audit_end (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL CHECK (sequence >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 10);
INSERT INTO access.audit_end (sequence, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Where the chain ended at a moment, signed. Also kept elsewhere, if somebody says where.
CREATE TABLE access.audit_checkpoints (
    sequence bigint NOT NULL CHECK (sequence > 0),
    key text COLLATE "C" NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    at timestamptz NOT NULL,
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (sequence, key)
);
CREATE INDEX audit_checkpoints_key ON access.audit_checkpoints (key, sequence DESC);

-- ALWAYS: even a session that poses as a replication worker is refused.
CREATE TRIGGER audit_entries_are_kept BEFORE UPDATE OR DELETE ON access.audit_entries
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_entries_are_not_truncated BEFORE TRUNCATE ON access.audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_checkpoints_are_kept BEFORE UPDATE OR DELETE ON access.audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_checkpoints_are_not_truncated BEFORE TRUNCATE ON access.audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_end_is_kept BEFORE DELETE ON access.audit_end
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_end_is_not_truncated BEFORE TRUNCATE ON access.audit_end
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
ALTER TABLE access.audit_entries ENABLE ALWAYS TRIGGER audit_entries_are_kept;
ALTER TABLE access.audit_entries ENABLE ALWAYS TRIGGER audit_entries_are_not_truncated;
ALTER TABLE access.audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_are_kept;
ALTER TABLE access.audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_are_not_truncated;
ALTER TABLE access.audit_end ENABLE ALWAYS TRIGGER audit_end_is_kept;
ALTER TABLE access.audit_end ENABLE ALWAYS TRIGGER audit_end_is_not_truncated;
