//! TLS to a real server with a certificate of our own making: each `sslmode` checks what it says.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pts_adapter_postgres::{DatabaseSettings, connect, migrate};
use pts_ports::{EventLog, StoreError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::support::{log, until};

/// PostgreSQL refuses to run as root; this account is on every machine and owns nothing.
const NOBODY: u32 = 65_534;

/// A server that takes TLS connections only, on a port of its own.
struct TlsServer {
    directory: TempDir,
    port: u16,
    process: Child,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // SIGKILL for the postmaster; its children notice and end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binaries() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let found = std::env::var_os("PTS_TEST_POSTGRES_BIN")
        .map(PathBuf::from)
        .into_iter()
        .chain(installed)
        .find(|directory| directory.join("initdb").is_file());
    found
        .expect("PostgreSQL's binaries are installed, or PTS_TEST_POSTGRES_BIN says where they are")
}

/// A command that does not run as root.
fn humble(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

impl TlsServer {
    /// With a certificate of these names, vouched for by a root of its own (`root.pem`).
    async fn start(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        if rustix::process::geteuid().is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &root)
            .unwrap();

        let bin = binaries();
        let data = path.join("data");
        let made = humble(&bin.join("initdb"), path)
            .args(["--auth=trust", "-U", "pts", "--no-sync", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success());
        write(&path.join("root.pem"), &root.pem());
        write(&path.join("server.pem"), &leaf.pem());
        write(&path.join("server.key"), &key.serialize_pem());
        write(
            &data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 reject\n",
        );
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let process = humble(&bin.join("postgres"), path)
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args(["-c", "fsync=off", "-c", "ssl=on"])
            .arg("-c")
            .arg(format!("port={port}"))
            .arg("-c")
            .arg(format!("ssl_cert_file={}/server.pem", path.display()))
            .arg("-c")
            .arg(format!("ssl_key_file={}/server.key", path.display()))
            .spawn()
            .unwrap();
        let server = Self {
            directory,
            port,
            process,
        };
        let url = server.url("127.0.0.1", "sslmode=require");
        until("the server answers", || async {
            migrate(&url).await.is_ok()
        })
        .await;
        server
    }

    fn url(&self, host: &str, options: &str) -> String {
        format!("postgres://pts@{host}:{}/postgres?{options}", self.port)
    }

    fn root(&self) -> String {
        format!("sslrootcert={}/root.pem", self.directory.path().display())
    }

    async fn answers(&self, host: &str, options: &str) -> Result<(), StoreError> {
        let pool = connect(&DatabaseSettings::new(self.url(host, options)))?;
        log(&pool).ready().await
    }
}

#[tokio::test]
async fn every_sslmode_checks_what_it_says() {
    let server = TlsServer::start(&["localhost"]).await;
    let root = server.root();
    let check = async |host: &str, options: &str, want: bool| {
        let answer = server.answers(host, options).await;
        assert_eq!(answer.is_ok(), want, "{host} {options}: {answer:?}");
    };
    // This server lets nobody in without TLS.
    check("localhost", "sslmode=disable", false).await;
    check("localhost", "", true).await;
    check("localhost", "sslmode=prefer", true).await;
    check("localhost", "sslmode=require", true).await;
    // Nobody vouches for it but our own root.
    check("localhost", "sslmode=verify-ca", false).await;
    check("localhost", "sslmode=verify-full", false).await;
    check("localhost", &format!("sslmode=verify-ca&{root}"), true).await;
    check("localhost", &format!("sslmode=verify-full&{root}"), true).await;
    // The certificate is of localhost, not of its address.
    check("127.0.0.1", &format!("sslmode=verify-ca&{root}"), true).await;
    check("127.0.0.1", &format!("sslmode=verify-full&{root}"), false).await;

    let other = TlsServer::start(&["localhost", "127.0.0.1"]).await;
    let foreign = server
        .answers("localhost", &format!("sslmode=require&{}", other.root()))
        .await;
    assert!(
        foreign.is_err(),
        "a root that is named is asked, even by `require`"
    );
    let by_address = format!("sslmode=verify-full&{}", other.root());
    other.answers("127.0.0.1", &by_address).await.unwrap();
}

#[tokio::test]
async fn a_file_of_roots_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for file in [empty.as_path(), Path::new("/nowhere/root.pem")] {
        let url = format!("host=h sslmode=verify-full sslrootcert={}", file.display());
        let error = connect(&DatabaseSettings::new(url)).unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains(file.to_str().unwrap()), "{why}");
    }
}
