//! Programs from crates.io that tasks use, each in its pinned version under the target directory.

use std::path::PathBuf;

use anyhow::Result;

use crate::{cargo, command, repo};

/// Where a program of a crate is; built the first time, without optimisation, because it is built more
/// often than it is run.
pub(crate) fn program(name: &str, version: &str) -> Result<PathBuf> {
    let home = repo::target_directory()?.join(format!("tools/{name}-{version}"));
    let program = home.join("bin").join(name);
    if !program.is_file() {
        println!("building {name} {version}");
        let mut install = cargo::cargo();
        install
            .args(["install", "--quiet", "--locked", "--debug"])
            .arg("--no-default-features")
            .arg("--root")
            .arg(&home)
            .arg(format!("{name}@{version}"));
        command::show(&mut install)?;
    }
    Ok(program)
}
