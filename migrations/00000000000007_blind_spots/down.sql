DROP TABLE platform.expectations;
DROP TABLE platform.reporters;
DROP TABLE platform.refusals;
DROP TABLE platform.uptimes;
