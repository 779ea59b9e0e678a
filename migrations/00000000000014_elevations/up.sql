-- Who asked to be allowed more for a while, and what became of it; kept for good. What a request is at
-- a moment follows from it, its steps and the time, so nothing is ever changed.
CREATE TABLE access.elevations (
    id uuid PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    name text NOT NULL,
    workspace text COLLATE "C",
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    reason text NOT NULL,
    minutes integer NOT NULL CHECK (minutes > 0),
    needed integer NOT NULL CHECK (needed >= 0),
    requested_at timestamptz NOT NULL,
    decide_by timestamptz NOT NULL,
    -- After this moment it is active no more, whatever happens.
    over_by timestamptz NOT NULL
);
CREATE INDEX elevations_over_by ON access.elevations (over_by DESC);
CREATE INDEX elevations_holder ON access.elevations (holder, id DESC);

CREATE TABLE access.elevation_steps (
    elevation uuid NOT NULL REFERENCES access.elevations (id),
    -- From 1, without holes: of two that decide at the same time, one is first.
    number integer NOT NULL CHECK (number > 0),
    what text COLLATE "C" NOT NULL CHECK (what IN ('approved', 'denied', 'ended')),
    holder text COLLATE "C" NOT NULL,
    name text NOT NULL,
    reason text,
    at timestamptz NOT NULL,
    PRIMARY KEY (elevation, number)
);

CREATE TRIGGER elevations_are_kept BEFORE UPDATE OR DELETE ON access.elevations
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER elevations_are_not_truncated BEFORE TRUNCATE ON access.elevations
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER elevation_steps_are_kept BEFORE UPDATE OR DELETE ON access.elevation_steps
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER elevation_steps_are_not_truncated BEFORE TRUNCATE ON access.elevation_steps
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
ALTER TABLE access.elevations ENABLE ALWAYS TRIGGER elevations_are_kept;
ALTER TABLE access.elevations ENABLE ALWAYS TRIGGER elevations_are_not_truncated;
ALTER TABLE access.elevation_steps ENABLE ALWAYS TRIGGER elevation_steps_are_kept;
ALTER TABLE access.elevation_steps ENABLE ALWAYS TRIGGER elevation_steps_are_not_truncated;

-- What previews of risky actions are confirmed with: hashes, good for minutes and once.
CREATE TABLE access.confirmations (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    principal uuid NOT NULL,
    action text NOT NULL,
    input bytea NOT NULL CHECK (octet_length(input) = 32),
    state bytea NOT NULL CHECK (octet_length(state) = 32),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX confirmations_expires ON access.confirmations (expires_at);
