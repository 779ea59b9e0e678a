//! pts-server: the only crate that knows every adapter. Reads the configuration, puts the parts
//! together, starts and stops them.

mod banner;
mod cli;
mod commands;
mod config;
mod database;
mod itself;
mod logging;
mod serve;
mod sign_in;
mod system;
mod traces;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

// A request is many small allocations that another thread gives back: measured in docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pts-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = config::load(&cli.common)?;
    let command = cli.command.unwrap_or(Command::Serve);
    let exporter = match command {
        Command::Serve => traces::Exporter::new(&settings)?,
        _ => None,
    };
    let spans = exporter.as_ref().map(traces::Exporter::layer);
    logging::start(&settings.log, spans)?;
    match command {
        Command::Serve => serve::run(settings, exporter).await,
        Command::Migrate => commands::maintenance::migrate(&settings).await,
        Command::Rebuild { check } => commands::maintenance::rebuild(&settings, check).await,
        Command::Verify => commands::maintenance::verify(&settings).await,
        Command::Retention(command) => commands::retention::run(&settings, command).await,
        Command::Quarantine(command) => commands::quarantine::run(&settings, command).await,
        Command::Token(command) => commands::token::run(&settings, command).await,
        Command::Config(command) => commands::config::run(&settings, command),
        Command::Healthcheck => commands::healthcheck::run(&settings).await,
    }
}
