//! `cargo xtask types`: the contract as TypeScript, made again from the declarations and held against
//! a sample by the TypeScript compiler, from npm into the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{cargo, command, repo};

/// The version that is known to read what is made.
const COMPILER: &str = "typescript@5.9.3";
/// Where the types and the sample are.
const TYPES: &str = "crates/api/ts";

/// Make the TypeScript types of the API again, and let the compiler read them
#[derive(Debug, clap::Args)]
pub(crate) struct Types {
    /// Only look whether they are as the actions are declared
    #[arg(long)]
    check: bool,
}

/// Makes them (or looks at them), and compiles them where that can be done.
pub(crate) fn run(task: &Types) -> Result<()> {
    let root = repo::root();
    let mut test = cargo::cargo();
    test.current_dir(&root)
        .args(["test", "--quiet", "--package", "pts-api", "--test", "types"]);
    if !task.check {
        test.env("UPDATE_DOCS", "1");
    }
    command::show(&mut test)?;
    match compiler() {
        Ok(compiler) => compile(&compiler, &root.join(TYPES)),
        Err(error) => {
            println!("not compiled: {error:#}");
            Ok(())
        }
    }
}

fn compile(compiler: &Path, types: &Path) -> Result<()> {
    let mut tsc = Command::new(compiler);
    tsc.current_dir(types)
        .args(["--noEmit", "--strict", "--noUncheckedIndexedAccess"])
        .args(["--target", "es2022", "--lib", "es2022,dom"])
        .args(["--module", "esnext", "--moduleResolution", "bundler"])
        .args(["pts.ts", "sample.ts"]);
    command::show(&mut tsc)
}

/// The compiler, fetched if it is not there yet.
fn compiler() -> Result<PathBuf> {
    let home = repo::target_directory()?.join("typescript");
    let compiler = home.join("node_modules/.bin/tsc");
    if !compiler.is_file() {
        std::fs::create_dir_all(&home)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&home).arg(COMPILER);
        command::show(&mut npm)?;
    }
    if !compiler.is_file() {
        bail!("npm left no compiler at {}", compiler.display());
    }
    Ok(compiler)
}
