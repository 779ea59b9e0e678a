//! `cargo xtask mcp`: an official client of the Model Context Protocol uses the running service as an
//! assistant would. The client is the Python SDK, from PyPI into an environment of its own; what it
//! does is in `xtask/mcp/client.py`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{command, pypi, repo, run, serving::Server};

/// The version of the client that is known to work with the program beside it.
const CLIENT: &str = "mcp==2.3.0";

/// Let an official client of the Model Context Protocol list and use the tools.
#[derive(Debug, clap::Args)]
pub(crate) struct Mcp {}

/// Runs it, and fails if the client finds anything other than it should be.
pub(crate) fn run(_: &Mcp) -> Result<()> {
    use_tools(&client()?)
}

/// The same as a stage of `ci`: left out where the client cannot be fetched, unless `CI` is set.
pub(crate) fn run_in_ci() -> Result<()> {
    pypi::or_left_out(client(), use_tools)
}

/// Where the interpreter with the client is; fetched the first time.
fn client() -> Result<PathBuf> {
    Ok(pypi::environment("mcp", CLIENT)?.join("bin/python"))
}

fn use_tools(python: &Path) -> Result<()> {
    let program = run::build(false)?;
    let server = Server::start(&program, "mcp")?;
    let mut create = Command::new(&program);
    create
        .args([
            "token",
            "create",
            "--name",
            "reader",
            "--scope",
            "events:read",
        ])
        .arg("--data-dir")
        .arg(server.directory().join("data"));
    let reader = command::read(&mut create).context("cannot make a token that only reads")?;
    // The tokens are in the environment, where no other user's list of processes shows them.
    let status = Command::new(python)
        .arg(repo::root().join("xtask/mcp/client.py"))
        .arg(format!("http://{}/mcp", server.address()))
        .env("PTS_ADMIN_TOKEN", server.admin_token()?)
        .env("PTS_READER_TOKEN", reader.trim())
        .status()
        .context("cannot start the client")?;
    if !status.success() {
        bail!("the client did not find what it should: see above");
    }
    Ok(())
}
