//! `pts-server config print|check`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::ConfigCommand;
use crate::config::Settings;
use crate::wiring;

pub(crate) fn run(settings: &Settings, command: ConfigCommand) -> Result<ExitCode> {
    match command {
        ConfigCommand::Print => print!("{}", toml::to_string(&settings.redacted())?),
        ConfigCommand::Check => {
            // The rest could be read, or nobody would come here.
            wiring::governance(settings)?;
            println!("the configuration is good");
        }
    }
    Ok(ExitCode::SUCCESS)
}
