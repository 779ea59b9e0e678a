-- An older version takes the projections to be at the head: have them follow it there first.
DO $$
BEGIN
    IF (SELECT h.position <> p.position FROM platform.log_head AS h CROSS JOIN platform.log_projected AS p) THEN
        RAISE EXCEPTION 'the projections are behind the log: run `pts-server rebuild` first';
    END IF;
END;
$$;
DROP TABLE platform.log_projected;
