-- Which token an event came with. What came before this is nobody's.
ALTER TABLE platform.events ADD COLUMN sender uuid;

-- Which append moved the head last: a number that no other append has. Whoever finds the number that
-- it left there knows that nobody else has appended or rebuilt since, and that all it remembers of
-- the log and the projections still holds.
ALTER TABLE platform.log_head ADD COLUMN stamp bigint NOT NULL DEFAULT 0;

-- How far the log is safe on disk. Appends may commit without waiting for the disk, and wait together
-- afterwards; whoever follows the log reads no further than this, so that a crash of the database
-- takes nothing away that somebody has read in order. Both numbers are only ever raised by
-- transactions that wait for the disk, and such a change is seen by others only after that: this one
-- by appends that wait themselves, that of log_durable on behalf of those that did not.
ALTER TABLE platform.log_head ADD COLUMN durable bigint NOT NULL DEFAULT 0;
UPDATE platform.log_head SET durable = position;

-- Whole aggregates are written again and again: a cheap compression, where the server has it.
DO $$
BEGIN
    ALTER TABLE platform.deployments ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.services ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.instances ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.images ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.states ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.configs ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE platform.incidents ALTER COLUMN doc SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END;
$$;

-- One row, apart from the head so that appends and whoever waits for the disk do not wait for each
-- other.
CREATE TABLE platform.log_durable (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 10);
INSERT INTO platform.log_durable (position) SELECT position FROM platform.log_head;
