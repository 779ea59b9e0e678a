//! `pts-server outbound`: whoever sets up a webhook sees at once whether it would be called.

use std::process::ExitCode;

use anyhow::Result;
use pts_ports::Outbound as _;

use crate::config::Settings;
use crate::wiring;

/// What is sent. It says itself that it means nothing.
const TRIAL: &str = r#"{"trial":true,"from":"pts-server outbound"}"#;

pub(crate) async fn run(settings: &Settings, url: &str) -> Result<ExitCode> {
    let client = wiring::outbound(settings)?;
    let called = client.post(url, "application/json", TRIAL.into()).await;
    match called {
        Ok(status) => {
            println!("answered {status}");
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            eprintln!("{why}");
            Ok(ExitCode::FAILURE)
        }
    }
}
