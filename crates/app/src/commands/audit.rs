//! `pts-server audit verify|key`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use pts_adapter_postgres::PgAuditLog;
use pts_domain::audit::{PublicKey, Report};
use pts_services::{ExportedCheckpoint, verify_audit};

use crate::audit;
use crate::cli::AuditCommand;
use crate::config::Settings;
use crate::database::{self, Purpose};

pub(crate) async fn run(settings: &Settings, command: AuditCommand) -> Result<ExitCode> {
    match command {
        AuditCommand::Verify {
            checkpoints,
            public_keys,
        } => verify(settings, checkpoints, &public_keys).await,
        AuditCommand::Key => {
            let file = audit::key_file(settings);
            let public = audit::load(&file)?.public();
            // The key alone on standard output, so that it can be put where it is needed.
            println!("{public}");
            eprintln!("the key {} of {}", public.id(), file.display());
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn verify(
    settings: &Settings,
    checkpoints: Vec<PathBuf>,
    public_keys: &[String],
) -> Result<ExitCode> {
    let keys = keys(settings, public_keys)?;
    let exported = exported(settings, checkpoints)?;
    let opened = database::open(settings, Purpose::Command).await?;
    let store = PgAuditLog::new(opened.pool.clone());
    let report = verify_audit(&store, keys, exported).await;
    opened.close().await;
    let report = report.context("the audit cannot be read")?;
    tell(&report);
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The keys that are trusted: those given, or else the one of this machine.
fn keys(settings: &Settings, given: &[String]) -> Result<Vec<PublicKey>> {
    if !given.is_empty() {
        return given.iter().map(|key| audit::public(key)).collect();
    }
    let file = audit::key_file(settings);
    let ours = audit::load(&file).context("no public key to trust: give one with --public-key")?;
    Ok(vec![ours.public()])
}

/// What is kept outside the database: in the files given, or else where this machine tells it.
fn exported(
    settings: &Settings,
    given: Vec<PathBuf>,
) -> Result<impl Iterator<Item = ExportedCheckpoint> + use<>> {
    let usual = given.is_empty();
    let files = if usual {
        vec![audit::checkpoint_file(settings)]
    } else {
        given
    };
    let mut all = Vec::new();
    for file in files {
        match audit::read_all(&file) {
            Ok(checkpoints) => all.push(checkpoints),
            Err(error) if usual && error.kind() == io::ErrorKind::NotFound => {
                eprintln!("there is no {}: only the database tells", file.display());
            }
            Err(error) => {
                return Err(error).with_context(|| file.display().to_string());
            }
        }
    }
    Ok(all.into_iter().flatten())
}

fn tell(report: &Report) {
    let Report {
        entries,
        head,
        checkpoints,
        unsigned,
        fault,
        flaws,
        unguarded,
    } = report;
    for missing in unguarded {
        println!("the audit is not guarded: {missing}");
    }
    for flaw in flaws {
        println!("{flaw}");
    }
    if let Some(fault) = fault {
        println!("{fault}");
    }
    let verdict = if report.is_sound() {
        "nothing is wrong".to_owned()
    } else if fault.is_none() && flaws.is_empty() {
        "nothing is wrong with them, and they could be changed".to_owned()
    } else {
        format!("right up to entry {} and no further", head.sequence)
    };
    println!("looked at {entries} entries and {checkpoints} checkpoints: {verdict}");
    if *unsigned > 0 && fault.is_none() {
        println!("the last {unsigned} entries are not signed yet");
    }
}
