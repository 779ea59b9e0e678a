//! Making a cluster: in a temporary sibling that gets its name when all of it is on disk.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::binaries::Binaries;
use super::error::{ClusterError, io};
use super::ground::Ground;

/// The first version with a locale that depends on no system library.
const BUILTIN_LOCALES: u32 = 17;
/// How much of what it said goes into an error.
const OUTPUT_BYTES_MAX: usize = 2_000;

/// Makes the cluster of this ground. A kill at any moment leaves either none or a whole one.
pub(super) async fn make(
    ground: &Ground,
    binaries: &Binaries,
    patience: Duration,
) -> Result<(), ClusterError> {
    let scratch = ground.home.join(format!("initdb-{}", std::process::id()));
    let mut last = Ok(());
    for locale in locales(binaries.major) {
        ground.make_own(&scratch)?;
        last = initdb(ground, binaries, &scratch, locale, patience).await;
        match &last {
            Err(ClusterError::Initdb { output, .. }) if output.contains("invalid locale") => {
                fs::remove_dir_all(&scratch).map_err(io("remove", &scratch))?;
            }
            Err(_) => {
                let _ = fs::remove_dir_all(&scratch);
                break;
            }
            Ok(()) => break,
        }
    }
    last?;
    fs::rename(&scratch, &ground.pgdata).map_err(io("name the new cluster", &ground.pgdata))?;
    // The name, too, must survive a power cut: rows will be acknowledged on the strength of it.
    File::open(&ground.home)
        .and_then(|dir| dir.sync_all())
        .map_err(io("sync", &ground.home))
}

/// Ways to a UTF-8 locale that sorts by code point, best first.
fn locales(major: u32) -> &'static [&'static [&'static str]] {
    if major >= BUILTIN_LOCALES {
        &[&[
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]]
    } else {
        &[&["--locale=C.UTF-8"], &["--locale=C"]]
    }
}

async fn initdb(
    ground: &Ground,
    binaries: &Binaries,
    dir: &Path,
    locale: &[&str],
    patience: Duration,
) -> Result<(), ClusterError> {
    let mut command = ground.account.command(binaries, "initdb", &ground.home);
    command.args(["--username=pts", "--encoding=UTF8", "--data-checksums"]);
    // Who may enter the socket's directory is who may connect.
    command
        .args(["--auth-local=trust", "--auth-host=reject", "--pgdata"])
        .arg(dir)
        .args(locale);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let running = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(patience, running)
        .await
        .map_err(|_| ClusterError::TimedOut {
            what: "initdb",
            after: patience,
            output: "(nothing)".to_owned(),
        })?
        .map_err(|source| ClusterError::Spawn {
            program: binaries.dir.join("initdb"),
            account: ground.account.to_string(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let from = said.ceil_char_boundary(said.len().saturating_sub(OUTPUT_BYTES_MAX));
    Err(ClusterError::Initdb {
        pgdata: ground.pgdata.clone(),
        ended: output.status.to_string(),
        output: said[from..].trim().to_owned(),
    })
}
