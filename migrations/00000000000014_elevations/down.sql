DROP TABLE access.confirmations;
DROP TABLE access.elevation_steps;
DROP TABLE access.elevations;
