//! `cargo xtask sbom`: what the server is made of, as a CycloneDX document: every crate that is linked
//! into it, with version, licence, checksum and what it depends on. The same sources make the same
//! document, byte for byte.

mod document;
mod lock;

use std::{collections::BTreeSet, fs, path::Path, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, MetadataCommand};

use crate::{cargo, command, pypi, repo};

/// What the document is about.
const PROGRAM: &str = "pts-server";
/// The official validator; it brings the schema along.
const VALIDATOR: &str = "cyclonedx-python-lib[json-validation]==11.12.0";
/// Holds a document against the schema, strictly; says what is wrong.
const VALIDATE: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
with open(sys.argv[1], encoding='utf-8') as document:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.read())
sys.exit(str(error) if error else 0)
";

/// Write the bill of materials of the server (CycloneDX 1.6).
#[derive(Debug, clap::Args)]
pub(crate) struct Sbom {
    /// Where to; in the target directory unless it is named
    #[arg(long)]
    output: Option<PathBuf>,

    /// Hold it against the schema, too; the validator comes from PyPI
    #[arg(long)]
    validate: bool,
}

/// Writes it.
pub(crate) fn run(task: &Sbom) -> Result<()> {
    let output = match &task.output {
        Some(output) => output.clone(),
        None => repo::target_directory()?.join("pts-server.cdx.json"),
    };
    write(&output)?;
    if task.validate {
        validate(&validator()?, &output)?;
    }
    Ok(())
}

/// Writes and validates it as a stage of `ci`; the schema is left out where it cannot be fetched, unless
/// `CI` is set.
pub(crate) fn run_in_ci() -> Result<()> {
    let output = repo::target_directory()?.join("pts-server.cdx.json");
    write(&output)?;
    pypi::or_left_out(validator(), |python| validate(python, &output))
}

fn write(output: &Path) -> Result<()> {
    let root = repo::root();
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(CargoOpt::SomeFeatures(Vec::new()))
        .other_options(["--locked", "--filter-platform", host()?.trim()].map(str::to_owned))
        .exec()
        .context("the dependencies cannot be resolved")?;
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let checksums = lock::checksums(&lock)?;
    let linked = linked(&root)?;
    let document = document::of(&metadata, PROGRAM, &linked, &checksums, &committed(&root)?)?;
    let count = document["components"].as_array().map_or(0, Vec::len);
    fs::write(output, format!("{document:#}\n"))
        .with_context(|| format!("cannot write {}", output.display()))?;
    println!("{}: {count} components", output.display());
    Ok(())
}

/// The crates that are linked into the program, with the features that it alone asks for: the metadata
/// of a workspace has those that its tests ask for, too.
fn linked(root: &Path) -> Result<BTreeSet<(String, String)>> {
    let mut tree = cargo::cargo();
    tree.current_dir(root)
        .args([
            "tree",
            "--locked",
            "--package",
            PROGRAM,
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p}"]);
    let said = command::read(&mut tree)?;
    let named = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((name.to_owned(), version.to_owned()))
    };
    Ok(said.lines().filter_map(named).collect())
}

/// The platform that is built for.
fn host() -> Result<String> {
    let said = command::read(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// When the last change was made: a document of the same sources must not depend on the day.
fn committed(root: &Path) -> Result<String> {
    let mut log = Command::new("git");
    log.current_dir(root)
        .args([
            "log",
            "-1",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            "--format=%cd",
        ])
        .env("TZ", "UTC");
    let time = command::read(&mut log)?.trim().to_owned();
    if time.is_empty() {
        bail!("git knows no commit");
    }
    Ok(time)
}

fn validator() -> Result<PathBuf> {
    Ok(pypi::environment("sbom", VALIDATOR)?.join("bin/python"))
}

fn validate(python: &Path, document: &Path) -> Result<()> {
    command::show(Command::new(python).args(["-c", VALIDATE]).arg(document))?;
    println!("it is as the schema has it");
    Ok(())
}
