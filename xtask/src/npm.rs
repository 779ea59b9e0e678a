//! Programs from npm, each in a directory of its own under the target directory.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{command, pypi};

/// The directory in which a requirement such as `oidc-provider@8.8.1` is installed; made the first time.
pub(crate) fn directory(name: &str, requirement: &str) -> Result<PathBuf> {
    let home = pypi::target().join(name);
    let stamp = home.join("version");
    command::read(Command::new("node").arg("--version")).context("Node.js is needed")?;
    if fs::read_to_string(&stamp).is_ok_and(|version| version == requirement) {
        return Ok(home);
    }
    println!("fetching {requirement}");
    fs::create_dir_all(&home)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&home)
        .args([
            "install",
            "--silent",
            "--no-fund",
            "--no-audit",
            "--no-save",
        ])
        .args(["--ignore-scripts", "--prefix", "."])
        .arg(requirement);
    command::read(&mut npm)?;
    fs::write(stamp, requirement)?;
    Ok(home)
}
