DROP TABLE platform.log_durable;
ALTER TABLE platform.events DROP COLUMN sender;
