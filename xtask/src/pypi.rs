//! Programs from PyPI, each in an environment of its own under the target directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{command, repo};

/// The environment in which a requirement such as `mcp==2.3.0` is installed; made the first time.
pub(crate) fn environment(name: &str, requirement: &str) -> Result<PathBuf> {
    let home = target().join(name);
    let stamp = home.join("version");
    if fs::read_to_string(&stamp).is_ok_and(|version| version == requirement) {
        return Ok(home);
    }
    println!("fetching {requirement}");
    command::read(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let mut pip = Command::new(home.join("bin/python"));
    command::read(pip.args(["-m", "pip", "install", "--quiet", requirement]))?;
    fs::write(stamp, requirement)?;
    Ok(home)
}

/// Goes on with what was fetched. Where it could not be, the stage is left out, unless `CI` is set.
pub(crate) fn or_left_out(
    fetched: Result<PathBuf>,
    go_on: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    match fetched {
        Ok(fetched) => go_on(&fetched),
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("left out: {error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo::root().join("target"), PathBuf::from)
}
