//! The stores: the ports' contract, and what PostgreSQL alone can show.

mod accounts;
mod audit;
mod connections;
mod contract_15;
mod contract_17;
mod erd;
mod export;
mod log;
mod migrations;
mod outages;
mod passing;
mod protection;
mod retention;
mod support;
mod tls;
mod workspaces;
mod writer;
