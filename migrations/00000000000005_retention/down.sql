DROP TABLE platform.retention_removed;
DROP TABLE platform.retention_runs;
