//! pts-server as its users run it: the real program, a real database, real requests.

mod accounts;
mod audit;
mod canary;
mod collector;
mod commands;
mod coverage;
mod elevations;
mod faults;
mod first_run;
mod harness;
mod ingest;
mod itself;
mod oidc;
mod policies;
mod receiver;
mod retention;
mod tls;
mod webhook;
