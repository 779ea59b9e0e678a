DROP TABLE access.tokens;
DROP SCHEMA access;
