-- Services are let in again by the next version that knows of them.
DROP INDEX access.tokens_sign_ins;
DELETE FROM access.tokens WHERE kind = 'service';
ALTER TABLE access.tokens DROP CONSTRAINT tokens_kind_check;
ALTER TABLE access.tokens ADD CONSTRAINT tokens_kind_check CHECK (kind IN ('bearer', 'session'));
