//! `pts-server config print|check`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::ConfigCommand;
use crate::config::Settings;

pub(crate) fn run(settings: &Settings, command: ConfigCommand) -> Result<ExitCode> {
    match command {
        ConfigCommand::Print => print!("{}", toml::to_string(&settings.redacted())?),
        // Whoever comes here has a configuration that could be read.
        ConfigCommand::Check => println!("the configuration is good"),
    }
    Ok(ExitCode::SUCCESS)
}
