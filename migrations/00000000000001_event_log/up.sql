-- The event log: immutable, ordered, partitioned by the month of receipt.
-- Text is collated "C" everywhere: names are ordered by their bytes on every server alike, and an
-- index on a type serves its families (prefixes) too.
CREATE SCHEMA IF NOT EXISTS platform;

-- One row: the position of the last event. An append locks it first, so positions have no holes
-- and are given in the order of commit. Room is left in the page for its many versions.
CREATE TABLE platform.log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 10);
INSERT INTO platform.log_head (position) VALUES (0);

CREATE TABLE platform.events (
    position bigint NOT NULL CHECK (position > 0),
    id uuid NOT NULL,
    source text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    "time" timestamptz NOT NULL,
    time_given boolean NOT NULL,
    received_at timestamptz NOT NULL,
    service text COLLATE "C",
    environment text COLLATE "C",
    data jsonb NOT NULL,
    attributes jsonb NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 16),
    PRIMARY KEY (position, received_at)
) PARTITION BY RANGE (received_at);

-- Each search that the API offers walks one of these from its newest end. Which part of the log an
-- index is for is said by its first columns; `position` last makes the order total.
CREATE INDEX events_id ON platform.events (id);
CREATE INDEX events_time ON platform.events ("time" DESC, position DESC);
CREATE INDEX events_type ON platform.events (type, "time" DESC, position DESC);
CREATE INDEX events_service_type ON platform.events (service, type, "time" DESC, position DESC)
    WHERE service IS NOT NULL;
-- Not on `source` itself: the index of identities shall be the only one that can look for a source
-- by name, or a plan made while a partition is young looks through all events of a source for one.
CREATE INDEX events_source ON platform.events ((source || ''), "time" DESC, position DESC);
CREATE INDEX events_subject ON platform.events (subject, "time" DESC, position DESC)
    WHERE subject IS NOT NULL;

CREATE FUNCTION platform.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END;
$$;

-- Row triggers of a partitioned table are cloned to its partitions, those to come too; ALWAYS:
-- even a session that poses as a replication worker is refused.
CREATE TRIGGER events_are_kept BEFORE UPDATE OR DELETE ON platform.events
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON platform.events
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
ALTER TABLE platform.events ENABLE ALWAYS TRIGGER events_are_kept;
ALTER TABLE platform.events ENABLE ALWAYS TRIGGER events_are_not_truncated;

-- Makes the partitions of the month of `first` and of the `ahead` months after it, as far as they
-- are missing; returns how many it made. Attached, not created in place: that way readers and
-- writers of the log go on meanwhile.
CREATE FUNCTION platform.ensure_partitions(first timestamptz, ahead integer) RETURNS integer
LANGUAGE plpgsql
SET timezone = 'UTC'
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    month timestamptz := date_trunc('month', first);
    partition text;
    made integer := 0;
BEGIN
    FOR n IN 0..ahead LOOP
        partition := 'events_' || to_char(month, 'YYYY_MM');
        IF to_regclass('platform.' || partition) IS NULL THEN
            -- One maker at a time: whoever waited looks again. The lock is the one that attaching
            -- takes anyway; appends and searches go on under it.
            LOCK TABLE platform.events IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('platform.' || partition) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE platform.%I (LIKE platform.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                    partition);
                -- Uniqueness of identities: only within a partition can PostgreSQL enforce it.
                EXECUTE format(
                    'CREATE UNIQUE INDEX %I ON platform.%I (source, event_id)',
                    partition || '_identity', partition);
                -- Who sends what is no coincidence; without this, searches for a service and a type
                -- are thought to find next to nothing, and are planned so.
                EXECUTE format(
                    'CREATE STATISTICS platform.%I (dependencies) ON service, type FROM platform.%I',
                    partition || '_senders', partition);
                EXECUTE format(
                    'CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON platform.%I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change()',
                    partition);
                EXECUTE format(
                    'ALTER TABLE platform.%I ENABLE ALWAYS TRIGGER events_are_not_truncated',
                    partition);
                EXECUTE format(
                    'ALTER TABLE platform.events ATTACH PARTITION platform.%I FOR VALUES FROM (%L) TO (%L)',
                    partition, month, month + interval '1 month');
                made := made + 1;
            END IF;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END;
$$;

-- What in an event did not fit what was known; worked out from the log like a projection.
CREATE TABLE platform.contradictions (
    position bigint NOT NULL,
    ordinal integer NOT NULL,
    event_id uuid NOT NULL,
    "time" timestamptz NOT NULL,
    about text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (position, ordinal)
);
CREATE INDEX contradictions_about ON platform.contradictions (about, position, ordinal);
