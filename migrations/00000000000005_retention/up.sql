-- What retention took out of the log: a row for every month that it went through, kept like the log
-- itself. With it `verify` can tell a hole that was made on purpose from a loss, and what a source
-- has stored is what is in the log and what is counted here.
CREATE TABLE platform.retention_runs (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    who text COLLATE "C" NOT NULL CHECK (who IN ('command', 'schedule')),
    horizon timestamptz NOT NULL,
    month timestamptz NOT NULL CHECK (month = date_trunc('month', month, 'UTC')),
    partition text COLLATE "C" NOT NULL,
    removed bigint NOT NULL CHECK (removed >= 0),
    kept bigint NOT NULL CHECK (kept >= 0),
    freed_bytes bigint NOT NULL CHECK (freed_bytes >= 0),
    first_removed bigint,
    last_removed bigint,
    oldest timestamptz,
    newest timestamptz,
    -- The month's last position when it was gone through: what is behind it came later.
    last_position bigint NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    duration_ms bigint NOT NULL CHECK (duration_ms >= 0),
    CHECK ((removed > 0) = (first_removed IS NOT NULL AND last_removed IS NOT NULL))
);
CREATE INDEX retention_runs_newest ON platform.retention_runs (at DESC, id DESC);
CREATE INDEX retention_runs_month ON platform.retention_runs (month, last_position DESC);

CREATE TABLE platform.retention_removed (
    run_id uuid NOT NULL REFERENCES platform.retention_runs,
    source text COLLATE "C" NOT NULL,
    events bigint NOT NULL CHECK (events > 0),
    PRIMARY KEY (run_id, source)
);
CREATE INDEX retention_removed_source ON platform.retention_removed (source);

CREATE TRIGGER retention_runs_are_kept BEFORE UPDATE OR DELETE ON platform.retention_runs
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER retention_runs_are_not_truncated BEFORE TRUNCATE ON platform.retention_runs
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER retention_removed_is_kept BEFORE UPDATE OR DELETE ON platform.retention_removed
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER retention_removed_is_not_truncated BEFORE TRUNCATE ON platform.retention_removed
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
ALTER TABLE platform.retention_runs ENABLE ALWAYS TRIGGER retention_runs_are_kept;
ALTER TABLE platform.retention_runs ENABLE ALWAYS TRIGGER retention_runs_are_not_truncated;
ALTER TABLE platform.retention_removed ENABLE ALWAYS TRIGGER retention_removed_is_kept;
ALTER TABLE platform.retention_removed ENABLE ALWAYS TRIGGER retention_removed_is_not_truncated;
