//! `cargo xtask oidc`: people sign in with a real OpenID Connect provider, in a browser's way and in a
//! command line's. The provider is `oidc-provider`, from npm into a directory of its own; what it is
//! told to do is in `xtask/oidc/provider.mjs`, and what is tried is in `crates/app/tests/it/oidc`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{cargo, command, npm, pypi, repo};

/// The version of the provider that is known to work with the program beside it, and with Node.js 18.
const PROVIDER: &str = "oidc-provider@8.8.1";
const PROGRAM: &str = "provider.mjs";

/// Let people sign in with a real identity provider.
#[derive(Debug, clap::Args)]
pub(crate) struct Oidc {
    /// Only the tests whose name holds this
    #[arg(default_value = "")]
    filter: String,
}

/// Runs it, and fails if anybody comes in who must not, or does not who may.
pub(crate) fn run(task: &Oidc) -> Result<()> {
    sign_in(&provider()?, &task.filter)
}

/// The same as a stage of `ci`: left out where the provider cannot be fetched, unless `CI` is set.
pub(crate) fn run_in_ci() -> Result<()> {
    pypi::or_left_out(provider(), |provider| sign_in(provider, ""))
}

/// Where the provider is; fetched the first time.
fn provider() -> Result<PathBuf> {
    let home = npm::directory("oidc", PROVIDER)?;
    // Beside what it imports.
    let program = home.join(PROGRAM);
    fs::copy(repo::root().join("xtask/oidc").join(PROGRAM), &program)
        .with_context(|| format!("cannot write {}", program.display()))?;
    Ok(program)
}

fn sign_in(provider: &Path, filter: &str) -> Result<()> {
    let mut test = cargo::cargo();
    test.args(["test", "--package", "pts-server", "--test", "it", "--"])
        .args(["--ignored", &format!("oidc::{filter}")])
        .env("PTS_OIDC_PROVIDER", fs::canonicalize(provider)?);
    command::show(&mut test)
}
