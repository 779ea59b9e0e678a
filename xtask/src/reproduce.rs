//! `cargo xtask reproduce`: builds the release twice, in two directories with nothing in common, and
//! compares what came out. Whoever has the sources can then tell whether a binary was made of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{cargo, command, repo, repo::Repo};

/// The program that is compared.
const PROGRAM: &str = "pts-server";
/// The names of the two directories: of different lengths, because paths are what gets into binaries.
const PLACES: [&str; 2] = ["one", "a-longer-place/two"];

/// Build the release twice and compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Reproduce {}

/// Builds and compares; what was built stays where it is if it differs.
pub(crate) fn run(_: &Reproduce) -> Result<()> {
    let root = repo::root();
    let ground = repo::target_directory()?.join("reproduce");
    if ground.exists() {
        fs::remove_dir_all(&ground)?;
    }
    let mut digests = Vec::new();
    for place in PLACES {
        let sources = ground.join(place);
        copy(&root, &sources)?;
        let program = build(&sources)?;
        let bytes = fs::read(&program).with_context(|| format!("no {}", program.display()))?;
        let digest = hex::encode(Sha256::digest(&bytes));
        println!("{digest}  {} bytes  {place}", bytes.len());
        digests.push(digest);
    }
    if digests[0] != digests[1] {
        bail!("the two differ; they are under {}", ground.display());
    }
    fs::remove_dir_all(&ground)?;
    println!("the two are the same");
    Ok(())
}

/// Copies what git would commit.
fn copy(root: &Path, to: &Path) -> Result<()> {
    for path in Repo::open(root)?.present {
        let target = to.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(root.join(&path), target).with_context(|| format!("cannot copy {path}"))?;
    }
    Ok(())
}

/// Builds as docs/releasing.md says.
fn build(sources: &Path) -> Result<PathBuf> {
    let target = sources.join("target");
    let mut build = cargo::cargo();
    build
        .current_dir(sources)
        .args(["build", "--release", "--locked", "--package", PROGRAM])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", "0")
        .env_remove("RUSTFLAGS")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rust_flags(sources, &cargo_home()).join("\u{1f}"),
        )
        .env("CFLAGS", c_flags(sources, &cargo_home()).join(" "));
    command::show(&mut build)?;
    Ok(target.join("release").join(PROGRAM))
}

/// Paths of this machine, as everybody's.
fn rust_flags(sources: &Path, cargo_home: &Path) -> [String; 2] {
    let remap = |from: &Path, to| format!("--remap-path-prefix={}={to}", from.display());
    [remap(cargo_home, "/cargo"), remap(sources, "/src")]
}

fn c_flags(sources: &Path, cargo_home: &Path) -> [String; 2] {
    let remap = |from: &Path, to| format!("-ffile-prefix-map={}={to}", from.display());
    [remap(cargo_home, "/cargo"), remap(sources, "/src")]
}

fn cargo_home() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(home).unwrap_or_else(|| ".cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_machine_stays_in_what_is_built() {
        let flags = rust_flags(Path::new("/home/ada/pts"), Path::new("/home/ada/.cargo"));
        assert_eq!(
            flags,
            [
                "--remap-path-prefix=/home/ada/.cargo=/cargo",
                "--remap-path-prefix=/home/ada/pts=/src"
            ]
        );
    }
}
