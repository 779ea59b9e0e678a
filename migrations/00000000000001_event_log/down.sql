DROP TABLE platform.contradictions;
DROP TABLE platform.events;
DROP FUNCTION platform.ensure_partitions(timestamptz, integer);
DROP FUNCTION platform.refuse_change();
DROP TABLE platform.log_head;
DROP SCHEMA platform;
