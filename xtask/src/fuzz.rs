//! `cargo xtask fuzz`: the API as its own description says it is, tried with what that allows and
//! what it does not. The fuzzer is schemathesis, from PyPI into an environment of its own; it looks
//! for 5xx, for answers that are not described and for bad input that is accepted.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{pypi, repo, run, serving::Server};

/// The version that is known to work with the configuration beside it.
const FUZZER: &str = "schemathesis==4.32.5";

/// Try the running API with everything that its description allows and does not allow.
#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// How long to go on
    #[arg(long, default_value_t = 3, value_name = "MINUTES")]
    minutes: u64,

    /// Repeat a run
    #[arg(long)]
    seed: Option<String>,

    /// Passed on to schemathesis
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs it, and fails if it finds anything.
pub(crate) fn run(task: &Fuzz) -> Result<()> {
    let fuzzer = fuzzer()?;
    fuzz(task, &fuzzer)
}

/// The same as a stage of `ci`: left out where the fuzzer cannot be fetched, unless `CI` is set.
pub(crate) fn run_in_ci() -> Result<()> {
    let task = Fuzz {
        minutes: 2,
        // A change is not to be blamed for what chance finds: a run by hand draws its own.
        seed: Some("1".to_owned()),
        arguments: Vec::new(),
    };
    pypi::or_left_out(fuzzer(), |fuzzer| fuzz(&task, fuzzer))
}

/// What is tried, and its share of the time in hundredths: each operation by itself, then one after
/// another, with what came out of the one before.
const STAGES: [(&str, u64); 2] = [("examples,coverage,fuzzing", 75), ("stateful", 25)];

fn fuzz(task: &Fuzz, fuzzer: &Path) -> Result<()> {
    let program = run::build(false)?;
    let server = Server::start(&program, "fuzz")?;
    for (phases, share) in STAGES {
        let seconds = task.minutes * 60 * share / 100;
        // Not `show`: the command has the token in it, which is good for nothing once this is over, and
        // still nothing to print.
        let status = command(task, fuzzer, &server, phases, seconds)?.status();
        if !status.context("cannot start the fuzzer")?.success() {
            bail!("the API is not as it is described, or the fuzzer broke: see above");
        }
    }
    Ok(())
}

fn command(
    task: &Fuzz,
    fuzzer: &Path,
    server: &Server,
    phases: &str,
    seconds: u64,
) -> Result<Command> {
    let mut command = Command::new(fuzzer);
    command
        .current_dir(server.directory())
        .arg("--config-file")
        .arg(repo::root().join("xtask/fuzz/schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", server.address())])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", server.admin_token()?),
        ])
        .env("SCHEMATHESIS_HOOKS", repo::root().join("xtask/fuzz/hooks.py"))
        // The hooks have it their own way.
        .args(["--exclude-checks", "not_a_server_error,ignored_auth"])
        .args(["--checks", "all", "--phases", phases])
        .args([
            "--continue-on-failure",
            "--no-color",
            "--request-timeout",
            "20",
        ])
        .args(["--max-time", &seconds.to_string()])
        .args(&task.arguments);
    if let Some(seed) = &task.seed {
        command.args(["--seed", seed]);
    }
    Ok(command)
}

/// Where the fuzzer is; fetched the first time.
fn fuzzer() -> Result<PathBuf> {
    Ok(pypi::environment("fuzz", FUZZER)?.join("bin/schemathesis"))
}
