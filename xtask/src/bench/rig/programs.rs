//! The programs that are measured and that measure, built with optimisations.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};

use crate::{cargo, repo, run};

/// Where the programs are.
pub(crate) struct Programs {
    pub(super) server: PathBuf,
    pub(super) load: PathBuf,
    pub(super) parse_only: PathBuf,
}

impl Programs {
    /// Builds all; the server only where none is named.
    pub(super) fn build(server: Option<PathBuf>) -> Result<Self> {
        let mut build = cargo::cargo();
        build.args(["build", "--quiet", "--release"]);
        build.args(["--package", "bench-load", "--package", "bench-parse-only"]);
        let status = build.stdout(Stdio::inherit()).status()?;
        ensure!(status.success(), "the peers do not build");
        let release = repo::target_directory()?.join("release");
        let server = match server {
            Some(server) => server,
            None => run::build(true)?,
        };
        let server = fs::canonicalize(&server).with_context(|| format!("{}", server.display()))?;
        Ok(Self {
            server,
            load: release.join("bench-load"),
            parse_only: release.join("bench-parse-only"),
        })
    }
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
