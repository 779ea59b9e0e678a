//! pts-server as its users run it: the real program, a real database, real requests.

mod accounts;
mod commands;
mod coverage;
mod faults;
mod first_run;
mod harness;
mod ingest;
mod itself;
mod oidc;
mod policies;
mod retention;
mod tls;
