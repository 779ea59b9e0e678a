-- Only where nothing is in any other workspace than the usual one: two of the same name would become one.
DO $$
BEGIN
    IF EXISTS (SELECT FROM platform.events WHERE workspace <> 0)
        OR EXISTS (SELECT FROM platform.quarantine WHERE workspace <> 0)
        OR EXISTS (SELECT FROM platform.accounting WHERE workspace <> 0) THEN
        RAISE EXCEPTION 'there is something in other workspaces than `default`';
    END IF;
END;
$$;
DELETE FROM platform.reporters WHERE workspace <> 0;
DELETE FROM platform.expectations WHERE workspace <> 0;

DROP VIEW platform.run_intervals;
DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY[
        'events', 'contradictions', 'deployments', 'services', 'instances', 'images', 'states',
        'configs', 'incidents', 'runs', 'quarantine', 'accounting', 'reporters', 'expectations']
    LOOP
        EXECUTE format('REVOKE ALL ON platform.%I FROM pts_reader', kind);
        EXECUTE format('DROP POLICY of_the_workspace ON platform.%I', kind);
        EXECUTE format('DROP POLICY of_the_owner ON platform.%I', kind);
        EXECUTE format('ALTER TABLE platform.%I NO FORCE ROW LEVEL SECURITY', kind);
        EXECUTE format('ALTER TABLE platform.%I DISABLE ROW LEVEL SECURITY', kind);
        -- With the keys and indexes that it leads.
        EXECUTE format('ALTER TABLE platform.%I DROP COLUMN workspace CASCADE', kind);
    END LOOP;
END;
$$;
REVOKE ALL ON platform.log_head, platform.log_durable, platform.log_projected, platform.accounted
    FROM pts_reader;
REVOKE ALL ON SCHEMA platform FROM pts_reader;
-- The role stays: another database of the cluster may need it.

CREATE INDEX events_time ON platform.events ("time" DESC, position DESC);
CREATE INDEX events_type ON platform.events (type, "time" DESC, position DESC);
CREATE INDEX events_service_type ON platform.events (service, type, "time" DESC, position DESC)
    WHERE service IS NOT NULL;
CREATE INDEX events_source ON platform.events ((source || ''), "time" DESC, position DESC);
CREATE INDEX events_subject ON platform.events (subject, "time" DESC, position DESC)
    WHERE subject IS NOT NULL;
DO $$
DECLARE
    partition text;
BEGIN
    FOR partition IN SELECT c.relname FROM pg_catalog.pg_inherits AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'platform.events'::regclass
    LOOP
        EXECUTE format('CREATE UNIQUE INDEX %I ON platform.%I (source, event_id)',
            partition || '_identity', partition);
    END LOOP;
END;
$$;
CREATE OR REPLACE FUNCTION platform.ensure_partitions(first timestamptz, ahead integer) RETURNS integer
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

ALTER TABLE platform.deployments ADD PRIMARY KEY (service, environment, deployment_id);
ALTER TABLE platform.services ADD PRIMARY KEY (service);
ALTER TABLE platform.instances ADD PRIMARY KEY (service, environment, instance);
ALTER TABLE platform.images ADD PRIMARY KEY (image, reference);
ALTER TABLE platform.states ADD PRIMARY KEY (component, environment);
ALTER TABLE platform.configs ADD PRIMARY KEY (service, environment, key);
ALTER TABLE platform.incidents ADD PRIMARY KEY (incident_id);
ALTER TABLE platform.runs ADD PRIMARY KEY (opened_position);
CREATE INDEX contradictions_about ON platform.contradictions (about, position, ordinal);
CREATE INDEX deployments_newest ON platform.deployments (first_position);
CREATE INDEX deployments_of_service ON platform.deployments (service, first_position);
CREATE INDEX deployments_id ON platform.deployments (deployment_id);
CREATE INDEX deployments_succeeded ON platform.deployments (succeeded_at)
    WHERE succeeded_at IS NOT NULL;
CREATE INDEX deployments_finished ON platform.deployments (finished_at)
    WHERE finished_at IS NOT NULL;
CREATE INDEX images_newest ON platform.images (first_position);
CREATE INDEX images_of_name ON platform.images (image, first_position);
CREATE INDEX images_digest ON platform.images (digest) WHERE digest IS NOT NULL;
CREATE INDEX images_of_service ON platform.images (service, first_position)
    WHERE service IS NOT NULL;
CREATE INDEX states_of_service ON platform.states (service) WHERE service IS NOT NULL;
CREATE INDEX incidents_newest ON platform.incidents (first_position);
CREATE INDEX incidents_of_service ON platform.incidents (service, first_position)
    WHERE service IS NOT NULL;
CREATE INDEX incidents_of_deployment ON platform.incidents (deployment_id)
    WHERE deployment_id IS NOT NULL;
CREATE INDEX incidents_opened ON platform.incidents (opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX runs_newest ON platform.runs (began_at DESC, opened_position DESC);
CREATE INDEX runs_of_service
    ON platform.runs (kind, service, environment, began_at, opened_position);
CREATE INDEX runs_image ON platform.runs (image_name, began_at DESC, opened_position DESC)
    WHERE image_name IS NOT NULL;
CREATE VIEW platform.run_intervals AS
SELECT
    run.opened_position,
    run.kind,
    run.service,
    run.environment,
    run.instance,
    run.version,
    run.image,
    run.image_name,
    run.deployment_id,
    run.began_at,
    CASE
        WHEN run.kind = 'declared' THEN (
            SELECT next.began_at
            FROM platform.runs AS next
            WHERE next.kind = 'declared'
                AND next.service = run.service
                AND next.environment = run.environment
                AND (next.began_at, next.opened_position) > (run.began_at, run.opened_position)
            ORDER BY next.began_at, next.opened_position
            LIMIT 1
        )
        ELSE run.ended_at
    END AS ended_at
FROM platform.runs AS run
WHERE NOT run.ends;

ALTER TABLE platform.accounting
    ADD CONSTRAINT accounting_line UNIQUE NULLS NOT DISTINCT (day, sender, source);
ALTER TABLE platform.reporters ADD PRIMARY KEY (source);
ALTER TABLE platform.expectations ADD PRIMARY KEY (source);
CREATE UNIQUE INDEX quarantine_waiting ON platform.quarantine (fingerprint)
    WHERE state = 'waiting';
CREATE INDEX quarantine_source ON platform.quarantine (source, id) WHERE source IS NOT NULL;

DROP PROCEDURE platform.confine(regclass);
DROP TABLE access.workspaces;
