//! The programs that are measured and that measure, built with optimisations.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Result, ensure};

use crate::{bench::Settings, cargo, repo};

/// Where the programs are.
pub(crate) struct Programs {
    pub(super) server: PathBuf,
    pub(super) load: PathBuf,
    pub(super) parse_only: PathBuf,
}

impl Programs {
    /// Builds all; the server only where none is named.
    pub(super) fn build(settings: &Settings) -> Result<Self> {
        let [load, parse_only] = peers(settings, ["bench-load", "bench-parse-only"])?;
        Ok(Self {
            server: settings.server()?,
            load,
            parse_only,
        })
    }
}

/// Builds programs to measure with, and says where they are.
pub(crate) fn peers<const N: usize>(settings: &Settings, names: [&str; N]) -> Result<[PathBuf; N]> {
    let mut build = cargo::cargo();
    build.args(["build", "--quiet"]);
    build.args(names.iter().flat_map(|name| ["--package", name]));
    let directory = if settings.debug {
        "debug"
    } else {
        build.arg("--release");
        "release"
    };
    let status = build.stdout(Stdio::inherit()).status()?;
    ensure!(status.success(), "the peers do not build");
    let directory = repo::target_directory()?.join(directory);
    Ok(names.map(|name| directory.join(name)))
}

/// A program of PostgreSQL's: of the newest of Debian's packages, else from the PATH.
pub(super) fn postgres(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let packaged = versions.flatten().map(|version| {
        let number = version.file_name().to_str().and_then(|n| n.parse().ok());
        (
            number.unwrap_or(0_u32),
            version.path().join("bin").join(name),
        )
    });
    let newest = packaged.filter(|(_, path)| path.is_file()).max();
    newest.map(|(_, path)| path).or_else(|| on_path(name))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut found = env::split_paths(&path).map(|directory: PathBuf| directory.join(name));
    found.find(|program: &PathBuf| Path::is_file(program))
}
