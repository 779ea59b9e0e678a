//! `cargo xtask fuzz`: the API as its own description says it is, tried with what that allows and
//! what it does not. The fuzzer is schemathesis, from PyPI into an environment of its own; it looks
//! for 5xx, for answers that are not described and for bad input that is accepted.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{command, repo, run};

/// The version that is known to work with the configuration beside it.
const FUZZER: &str = "schemathesis==4.32.5";
/// How long the server may take to be ready, its database made included.
const START: Duration = Duration::from_mins(1);

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
        minutes: 3,
        seed: None,
        arguments: Vec::new(),
    };
    match fuzzer() {
        Ok(fuzzer) => fuzz(&task, &fuzzer),
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("left out: {error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn fuzz(task: &Fuzz, fuzzer: &Path) -> Result<()> {
    let program = run::build(false)?;
    let server = Server::start(&program)?;
    let mut command = Command::new(fuzzer);
    command
        .current_dir(&server.directory)
        .arg("--config-file")
        .arg(repo::root().join("xtask/fuzz/schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", server.address)])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", server.token()?),
        ])
        .env("SCHEMATHESIS_HOOKS", repo::root().join("xtask/fuzz/hooks.py"))
        // The hooks have it their own way.
        .args(["--exclude-checks", "not_a_server_error"])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing"])
        .args([
            "--continue-on-failure",
            "--no-color",
            "--request-timeout",
            "20",
        ])
        .args(["--max-time", &(task.minutes * 60).to_string()])
        .args(&task.arguments);
    if let Some(seed) = &task.seed {
        command.args(["--seed", seed]);
    }
    // Not `show`: the command has the token in it, which is good for nothing once this is over, and
    // still nothing to print.
    let status = command.status().context("cannot start the fuzzer")?;
    if !status.success() {
        bail!("the API is not as it is described, or the fuzzer broke: see above");
    }
    Ok(())
}

/// Where the fuzzer is; fetched the first time.
fn fuzzer() -> Result<PathBuf> {
    let home = target().join("fuzz");
    let (program, stamp) = (home.join("bin/schemathesis"), home.join("version"));
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|version| version == FUZZER) {
        return Ok(program);
    }
    println!("fetching {FUZZER}");
    command::read(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let mut pip = Command::new(home.join("bin/python"));
    command::read(pip.args(["-m", "pip", "install", "--quiet", FUZZER]))?;
    fs::write(stamp, FUZZER)?;
    Ok(program)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo::root().join("target"), PathBuf::from)
}

/// A server with a database of its own; both end with this.
struct Server {
    address: SocketAddr,
    directory: PathBuf,
    process: Child,
}

impl Server {
    fn start(program: &Path) -> Result<Self> {
        // Not in the target directory: started by root, the database runs as somebody else.
        let directory = std::env::temp_dir().join(format!("pts-fuzz-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = fs::File::create(directory.join("server.log"))?;
        let mut command = Command::new(program);
        command
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(directory.join("data"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        crate::cargo::forget_this_package(&mut command);
        let process = command.spawn().context("cannot start the server")?;
        let mut server = Self {
            address,
            directory,
            process,
        };
        server.wait()?;
        Ok(server)
    }

    fn token(&self) -> Result<String> {
        let text = fs::read_to_string(self.directory.join("data/admin-token"))?;
        Ok(text.trim().to_owned())
    }

    fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while !self.is_ready() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended ({status}): {}", self.said());
            }
            if started.elapsed() > START {
                bail!("the server is not ready: {}", self.said());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let asked = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            Ok(answer.ends_with(b" 200"))
        };
        asked().unwrap_or(false)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    /// It is told to stop, so that its database stops too.
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
