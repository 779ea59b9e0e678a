//! `pts-server migrate|rebuild|verify`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use pts_ports::Maintenance as _;

use pts_domain::audit::Effect;
use pts_services::Act;

use crate::config::Settings;
use crate::database::{self, Purpose};
use crate::wiring;

/// What the audit calls working the projections out again.
const REBUILD: &str = "platform.projections.rebuild";

pub(crate) async fn migrate(settings: &Settings) -> Result<ExitCode> {
    // Opening migrates; what was done is in the log.
    database::open(settings, Purpose::Command)
        .await?
        .close()
        .await;
    println!("the database has the shape that this version needs");
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn rebuild(settings: &Settings, check: bool) -> Result<ExitCode> {
    let opened = database::open(settings, Purpose::Command).await?;
    let maintenance = wiring::maintenance(&opened.pool);
    let outcome = if check {
        maintenance
            .check()
            .await
            .context("the check failed")
            .map(|differences| {
                for difference in &differences {
                    println!(
                        "{} {}: {}",
                        difference.projection, difference.key, difference.kind
                    );
                }
                println!(
                    "{} differences between the log and the projections",
                    differences.len()
                );
                if differences.is_empty() {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                }
            })
    } else {
        let audit = wiring::audit(&opened.pool);
        let act = Act::by(audit.console(), REBUILD, Effect::Control);
        let rebuilt = audit.control(act, maintenance.rebuild()).await;
        rebuilt
            .context("nothing was rebuilt")
            .and_then(|done| done.context("the rebuild failed; nothing has changed"))
            .map(|done| {
                println!(
                    "replayed {} events into {} aggregates",
                    done.events, done.aggregates
                );
                ExitCode::SUCCESS
            })
    };
    drop(maintenance);
    opened.close().await;
    outcome
}

pub(crate) async fn verify(settings: &Settings) -> Result<ExitCode> {
    let opened = database::open(settings, Purpose::Command).await?;
    let maintenance = wiring::maintenance(&opened.pool);
    let outcome = maintenance
        .verify()
        .await
        .context("the log cannot be read")
        .map(|report| {
            for fault in &report.faults {
                println!("{fault}");
            }
            let (events, head, faults) = (report.events, report.head, report.faults.len());
            println!("looked at {events} events up to position {head}: {faults} faults");
            if report.faults.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        });
    drop(maintenance);
    opened.close().await;
    outcome
}
