-- What became of everything that was sent, by day of receipt (UTC), sender and source. What was
-- received is the sum of the four, so it stands nowhere. `stored` is counted from the log behind its
-- back, so that appends pay nothing for it, and stays what it is when retention removes events.
CREATE TABLE platform.accounting (
    day date NOT NULL,
    sender uuid,
    source text COLLATE "C" NOT NULL,
    stored bigint NOT NULL DEFAULT 0 CHECK (stored >= 0),
    repeated bigint NOT NULL DEFAULT 0 CHECK (repeated >= 0),
    -- Not checked to be none or more: what is taken off is added as less than none, and a row that is
    -- proposed is checked before it is found to be there.
    quarantined bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    CONSTRAINT accounting_line UNIQUE NULLS NOT DISTINCT (day, sender, source)
) WITH (fillfactor = 70);

-- One row: up to this position the log is counted. Moved in the transaction that counts, by whoever
-- holds the row.
CREATE TABLE platform.accounted (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 10);
INSERT INTO platform.accounted (position) VALUES (0);

-- The last handover of each process, so that one whose answer was lost is not added twice.
CREATE TABLE platform.handovers (
    process uuid PRIMARY KEY,
    number bigint NOT NULL CHECK (number > 0),
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What was sent and is no event. Its id is that of the event that it may become. `item` is the text
-- as it came, or, where that is no JSON, the text as a JSON string: no NUL is in either.
CREATE TABLE platform.quarantine (
    id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL CHECK (times > 0),
    sender uuid NOT NULL,
    source text COLLATE "C",
    event_type text COLLATE "C",
    form text COLLATE "C" NOT NULL CHECK (form IN ('lenient', 'cloudevents')),
    readable boolean NOT NULL,
    item text,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    errors jsonb NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'replayed', 'discarded')),
    changed_at timestamptz NOT NULL,
    replayed_as uuid,
    reason text,
    CONSTRAINT quarantine_text CHECK ((state = 'waiting') = (item IS NOT NULL))
);
-- The same of the same sender waits once.
CREATE UNIQUE INDEX quarantine_waiting ON platform.quarantine (fingerprint)
    WHERE state = 'waiting';
CREATE INDEX quarantine_waiting_since ON platform.quarantine (received_at)
    WHERE state = 'waiting';
CREATE INDEX quarantine_settled_since ON platform.quarantine (changed_at)
    WHERE state <> 'waiting';
CREATE INDEX quarantine_sender ON platform.quarantine (sender, received_at);
CREATE INDEX quarantine_source ON platform.quarantine (source, id) WHERE source IS NOT NULL;

-- One row: what waits and what it weighs. Whoever changes what waits holds it.
CREATE TABLE platform.quarantine_room (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    waiting bigint NOT NULL CHECK (waiting >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0)
) WITH (fillfactor = 10);
INSERT INTO platform.quarantine_room (waiting, bytes) VALUES (0, 0);
