DROP TABLE platform.log_durable;
ALTER TABLE platform.log_head DROP COLUMN stamp;
ALTER TABLE platform.events DROP COLUMN sender;
