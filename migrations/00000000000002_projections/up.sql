-- What the log means, a table per kind of aggregate: worked out from platform.events alone, so all
-- of it can be dropped and rebuilt. `doc` is the whole aggregate; the columns beside it are what
-- queries filter and sort by, and nothing else.

CREATE TABLE platform.deployments (
    service text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    deployment_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    status_at timestamptz NOT NULL,
    version text COLLATE "C",
    succeeded_at timestamptz,
    finished_at timestamptz,
    first_position bigint NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (service, environment, deployment_id)
) WITH (fillfactor = 80);
CREATE INDEX deployments_newest ON platform.deployments (first_position);
CREATE INDEX deployments_of_service ON platform.deployments (service, first_position);
CREATE INDEX deployments_id ON platform.deployments (deployment_id);
CREATE INDEX deployments_succeeded ON platform.deployments (succeeded_at)
    WHERE succeeded_at IS NOT NULL;
CREATE INDEX deployments_finished ON platform.deployments (finished_at)
    WHERE finished_at IS NOT NULL;

CREATE TABLE platform.services (
    service text COLLATE "C" PRIMARY KEY,
    doc jsonb NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE platform.instances (
    service text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    last_seen_at timestamptz NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (service, environment, instance)
) WITH (fillfactor = 80);

CREATE TABLE platform.images (
    image text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    digest text COLLATE "C",
    service text COLLATE "C",
    first_position bigint NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (image, reference)
) WITH (fillfactor = 80);
CREATE INDEX images_newest ON platform.images (first_position);
CREATE INDEX images_of_name ON platform.images (image, first_position);
CREATE INDEX images_digest ON platform.images (digest) WHERE digest IS NOT NULL;
CREATE INDEX images_of_service ON platform.images (service, first_position)
    WHERE service IS NOT NULL;

-- Environment and service are empty where the sender did not say, here and in configs: a key has
-- no NULL.
CREATE TABLE platform.states (
    component text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    service text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (component, environment)
) WITH (fillfactor = 80);
CREATE INDEX states_of_service ON platform.states (service) WHERE service IS NOT NULL;

CREATE TABLE platform.configs (
    service text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (service, environment, key)
) WITH (fillfactor = 80);

CREATE TABLE platform.incidents (
    incident_id text COLLATE "C" PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    service text COLLATE "C",
    environment text COLLATE "C",
    deployment_id text COLLATE "C",
    opened_at timestamptz,
    resolved_at timestamptz,
    first_position bigint NOT NULL,
    doc jsonb NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX incidents_newest ON platform.incidents (first_position);
CREATE INDEX incidents_of_service ON platform.incidents (service, first_position)
    WHERE service IS NOT NULL;
CREATE INDEX incidents_of_deployment ON platform.incidents (deployment_id)
    WHERE deployment_id IS NOT NULL;
CREATE INDEX incidents_opened ON platform.incidents (opened_at) WHERE opened_at IS NOT NULL;

-- Which version ran where, from when. Declared runs have no end of their own (see the view below);
-- `ends` is the mark that a service left an environment.
CREATE TABLE platform.runs (
    opened_position bigint PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('declared', 'observed')),
    service text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    instance text COLLATE "C",
    version text COLLATE "C",
    image text COLLATE "C",
    image_name text COLLATE "C",
    deployment_id text COLLATE "C",
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    ends boolean NOT NULL
);
CREATE INDEX runs_newest ON platform.runs (began_at DESC, opened_position DESC);
CREATE INDEX runs_of_service
    ON platform.runs (kind, service, environment, began_at, opened_position);
CREATE INDEX runs_image ON platform.runs (image_name, began_at DESC, opened_position DESC)
    WHERE image_name IS NOT NULL;

-- Runs with their ends: a declared run ends where the next one of its service and environment
-- begins. A scalar subquery rather than lead(): it is worked out only for the rows that are read,
-- one index probe each, whatever narrows and limits the query around it.
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
