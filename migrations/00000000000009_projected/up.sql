-- How far the projections have come. Appends go ahead of them: what many events make of an aggregate
-- is written once, a moment later. Whoever reads projections, or is about to change them, first makes
-- sure that they have come far enough, and otherwise folds the events behind this position into them.
-- The stamp is that of whoever moved the position last: a number that nobody else has left there.
-- A row of its own, so that appends and projections do not wait for each other.
CREATE TABLE platform.log_projected (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL CHECK (position >= 0),
    stamp bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO platform.log_projected (position) SELECT position FROM platform.log_head;
