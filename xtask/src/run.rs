//! `cargo xtask run`: from a clone to a running service in one command. The server says everything
//! a newcomer needs (address, token, sign-in link, a line to try), so this only builds and starts
//! it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::{cargo, repo};

/// The package and its program.
const SERVER: &str = "pts-server";

/// Build the server and start it with a database of its own under ./pts-data.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Build with optimisations: what to measure, slower to build
    #[arg(long)]
    release: bool,

    /// Passed on to pts-server; see `cargo xtask run -- --help`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds, then becomes the server.
pub(crate) fn run(task: &Run) -> Result<()> {
    let program = build(task.release)?;
    let mut server = Command::new(&program);
    server.args(arguments(&repo::root(), &task.arguments));
    cargo::forget_this_package(&mut server);
    become_program(&mut server, &program)
}

/// Builds the server and says where its program is, in whatever target directory is set.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut build = cargo::cargo();
    build.args(["build", "--package", SERVER, "--bin", SERVER]);
    build.arg("--message-format=json-render-diagnostics");
    if release {
        build.arg("--release");
    }
    let output = build
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{SERVER} does not build");
    }
    program(&output.stdout).context("cargo built no program")
}

fn program(messages: &[u8]) -> Option<PathBuf> {
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.target.name == SERVER => {
                artifact.executable
            }
            _ => None,
        })
        .last()
        .map(PathBuf::from)
}

/// The data directory of this checkout first, unless the caller names another.
fn arguments(root: &Path, passed: &[String]) -> Vec<String> {
    let named = passed
        .iter()
        .any(|argument| argument == "--data-dir" || argument.starts_with("--data-dir="));
    let own = root.join("pts-data").to_string_lossy().into_owned();
    let default = if named {
        vec![]
    } else {
        vec!["--data-dir".to_owned(), own]
    };
    default.into_iter().chain(passed.iter().cloned()).collect()
}

/// The server takes this process's place: signals and the exit status are its own.
#[cfg(unix)]
fn become_program(server: &mut Command, program: &Path) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).with_context(|| format!("cannot start {}", program.display()))
}

#[cfg(not(unix))]
fn become_program(server: &mut Command, program: &Path) -> Result<()> {
    let status = server
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    std::process::exit(status.code().unwrap_or(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(passed: &[&str]) -> Vec<String> {
        let passed: Vec<String> = passed.iter().map(|&text| text.to_owned()).collect();
        arguments(Path::new("/src/pts"), &passed)
    }

    #[test]
    fn the_data_stays_in_the_checkout() {
        assert_eq!(given(&[]), ["--data-dir", "/src/pts/pts-data"]);
        assert_eq!(
            given(&["--listen", "127.0.0.1:0"]),
            ["--data-dir", "/src/pts/pts-data", "--listen", "127.0.0.1:0"]
        );
    }

    #[test]
    fn a_data_directory_that_is_named_wins() {
        assert_eq!(given(&["--data-dir", "/tmp/x"]), ["--data-dir", "/tmp/x"]);
        assert_eq!(given(&["--data-dir=/tmp/x"]), ["--data-dir=/tmp/x"]);
    }

    #[test]
    fn the_program_is_found_among_what_was_built() {
        let artifact = |kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"pts-server","manifest_path":"/a/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["{kind}"],"name":"pts-server","src_path":"/a/main.rs","edition":"2024","doc":true,"doctest":false,"test":true}},"profile":{{"opt_level":"0","debuginfo":1,"debug_assertions":true,"overflow_checks":true,"test":false}},"features":[],"filenames":[],"executable":{executable},"fresh":false}}"#
            )
        };
        let messages = format!(
            "{}\n{}\n{{\"reason\":\"build-finished\",\"success\":true}}\n",
            artifact("lib", "null"),
            artifact("bin", "\"/t/debug/pts-server\"")
        );
        assert_eq!(
            program(messages.as_bytes()),
            Some(PathBuf::from("/t/debug/pts-server"))
        );
        assert_eq!(
            program(b"{\"reason\":\"build-finished\",\"success\":true}\n"),
            None
        );
    }
}
