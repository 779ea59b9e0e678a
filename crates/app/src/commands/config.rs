//! `pts-server config print|check`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::ConfigCommand;
use crate::config::Settings;
use crate::{audit, wiring};

pub(crate) fn run(settings: &Settings, command: ConfigCommand) -> Result<ExitCode> {
    match command {
        ConfigCommand::Print => print!("{}", toml::to_string(&settings.redacted())?),
        // What could not be read would not come here.
        ConfigCommand::Check => {
            wiring::governance(settings)?;
            settings.check_listening()?;
            settings.tls.open()?;
            audit::webhook(settings)?;
            settings
                .oidc
                .sign_in(&settings.public_url, wiring::clock())?;
            println!("the configuration is good");
        }
    }
    Ok(ExitCode::SUCCESS)
}
