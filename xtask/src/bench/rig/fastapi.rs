//! What one would write instead: the FastAPI and SQLAlchemy service in `xtask/peers/fastapi`, in a
//! virtual environment that is made once.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Database, Rig, Server, process};
use crate::{command, repo};

const WORKERS: &str = "2";

/// Starts the service on a database of its own.
pub(crate) fn start(rig: &Rig, database: &Database<'_>) -> Result<Server> {
    let home = repo::root().join("xtask/peers/fastapi");
    let python = installed(&home)?;
    let url = database.url();
    let service = |command: &mut Command| {
        command.current_dir(&home);
        command.env("DATABASE_URL", &url);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    };
    let mut tables = Command::new(&python);
    service(tables.args(["-m", "app.db"]));
    command::read(&mut tables).context("the FastAPI service cannot make its tables")?;

    let port = free_port()?.to_string();
    let mut uvicorn = process::command(&python, None);
    uvicorn.args(["-m", "uvicorn", "app.main:app", "--workers", WORKERS]);
    uvicorn.args(["--host", "127.0.0.1", "--port", &port]);
    uvicorn.args(["--no-access-log", "--log-level", "warning"]);
    service(&mut uvicorn);
    Server::start_other(
        "uvicorn",
        &mut uvicorn,
        format!("127.0.0.1:{port}"),
        "/healthz",
        &rig.directory.join("fastapi.log"),
    )
}

/// The interpreter of an environment that has what the service requires.
fn installed(home: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(home.join("requirements.txt"))?;
    let environment = repo::target_directory()?.join("bench/fastapi");
    let python = environment.join("bin/python");
    // Written last: what is there is whole.
    let has = environment.join("requirements.txt");
    if fs::read_to_string(&has).is_ok_and(|has| has == wanted) {
        return Ok(python);
    }
    eprintln!("installing the FastAPI service's requirements ...");
    let _ = fs::remove_dir_all(&environment);
    command::read(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    )?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
    command::read(pip.arg(home.join("requirements.txt")))?;
    fs::write(&has, wanted)?;
    Ok(python)
}

/// A port that nothing listened on a moment ago: uvicorn does not say which one it took.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
