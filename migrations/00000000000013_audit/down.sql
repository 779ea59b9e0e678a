DROP TABLE access.audit_checkpoints;
DROP TABLE access.audit_end;
DROP TABLE access.audit_entries;
