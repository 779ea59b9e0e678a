DROP TABLE platform.quarantine_room;
DROP TABLE platform.quarantine;
DROP TABLE platform.handovers;
DROP TABLE platform.accounted;
DROP TABLE platform.accounting;
