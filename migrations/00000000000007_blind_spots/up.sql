-- What PTS could not see. All of it is small, and none of it is in the way of an event.

-- How long each process was able to receive. `until` is its last sign of life: a process that ended
-- without a word was up until then for certain, and nobody knows for how much longer.
CREATE TABLE platform.uptimes (
    process uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    stopped boolean NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uptimes_order CHECK (began_at <= until)
) WITH (fillfactor = 50);

-- When a process that was up refused events, or would have.
CREATE TABLE platform.refusals (
    process uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    began_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    why text COLLATE "C" NOT NULL CHECK (why IN ('overloaded', 'store_away', 'fault')),
    events bigint NOT NULL CHECK (events >= 0),
    -- Whether there may have been more that nobody counted.
    more boolean NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (process, number),
    CONSTRAINT refusals_order CHECK (began_at <= until)
);

-- Sources that report, and their habits.
CREATE TABLE platform.reporters (
    source text COLLATE "C" PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    doc jsonb NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- Sources that somebody declared will report.
CREATE TABLE platform.expectations (
    source text COLLATE "C" PRIMARY KEY,
    every_s bigint NOT NULL CHECK (every_s > 0),
    since timestamptz NOT NULL
);
