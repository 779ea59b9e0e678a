//! A server as a user would start it, for tasks that try it from outside.

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

/// How long the server may take to be ready, its database made included.
const START: Duration = Duration::from_mins(1);

/// A server with a database of its own; both end with this.
pub(crate) struct Server {
    address: SocketAddr,
    directory: PathBuf,
    process: Child,
}

impl Server {
    /// Starts it; `purpose` is a part of its directory's name.
    pub(crate) fn start(program: &Path, purpose: &str) -> Result<Self> {
        // Not in the target directory: started by root, the database runs as somebody else.
        let directory = std::env::temp_dir().join(format!("pts-{purpose}-{}", std::process::id()));
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

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A directory that goes away with it.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The token that may do everything.
    pub(crate) fn admin_token(&self) -> Result<String> {
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
