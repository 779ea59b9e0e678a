//! A PostgreSQL server from the machine's own binaries, in a directory that is swept away by the
//! next test process that needs one: a process that is killed cannot clean up after itself.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, process};

use pts_adapter_postgres::cluster::{Cluster, ClusterError, ClusterOptions};

use super::{NoServer, settings};

/// A running server. It ends with this process.
pub(super) struct Running {
    pub(super) url: String,
    _cluster: Cluster,
    _ground: Ground,
}

/// Starts a server of a major version, or of the newest that is found.
pub(super) async fn start(major: Option<u16>) -> Result<Running, NoServer> {
    let bin_dir = major.map(binaries).transpose()?;
    let name = major.map_or_else(|| "any".to_owned(), |major| major.to_string());
    let ground = Ground::claim(&env::temp_dir().join("pts-testkit"), &name)
        .map_err(|error| NoServer::failed("no directory for it", error))?;
    let cluster = Cluster::start(ClusterOptions {
        bin_dir,
        settings: settings::THROW_AWAY
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..ClusterOptions::new(&ground.directory)
    })
    .await
    .map_err(|error| match error {
        ClusterError::NoBinaries { .. } => NoServer::Absent(error.to_string()),
        _ => NoServer::failed("local binaries", error),
    })?;
    Ok(Running {
        url: cluster.url().to_owned(),
        _cluster: cluster,
        _ground: ground,
    })
}

/// Where distributions put the binaries of a major version.
fn binaries(major: u16) -> Result<PathBuf, NoServer> {
    [
        format!("/usr/lib/postgresql/{major}/bin"),
        format!("/usr/pgsql-{major}/bin"),
        format!("/opt/homebrew/opt/postgresql@{major}/bin"),
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|directory| directory.join("initdb").is_file())
    .ok_or_else(|| NoServer::Absent(format!("no binaries of PostgreSQL {major}")))
}

/// A directory that is this process's as long as it lives.
struct Ground {
    directory: PathBuf,
    _lock: File,
}

impl Ground {
    /// Makes `<parent>/<pid>-<name>` and removes those of dead processes.
    fn claim(parent: &Path, name: &str) -> io::Result<Self> {
        make_open(parent)?;
        // Between making a file and locking it, it looks like a dead process's: one at a time.
        let sweeping = File::create(parent.join("sweep"))?;
        sweeping.lock()?;
        for entry in fs::read_dir(parent)? {
            let lock = entry?.path();
            if lock.extension().is_some_and(|ending| ending == "lock")
                && File::open(&lock)?.try_lock().is_ok()
            {
                // A server that is still going down can be in the way: next time, then.
                let gone = fs::remove_dir_all(lock.with_extension(""));
                if gone.is_ok_or_missing() {
                    fs::remove_file(&lock)?;
                }
            }
        }
        let directory = parent.join(format!("{}-{name}", process::id()));
        let lock = File::create(directory.with_extension("lock"))?;
        lock.lock()?;
        make_open(&directory)?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }
}

trait OkOrMissing {
    fn is_ok_or_missing(&self) -> bool;
}

impl OkOrMissing for io::Result<()> {
    fn is_ok_or_missing(&self) -> bool {
        self.as_ref()
            .map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
    }
}

/// A directory that the server's unprivileged account may pass through.
fn make_open(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::set_permissions(directory, PermissionsExt::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_of_the_dead_is_swept_and_that_of_the_living_is_left() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join("1-any");
        make_open(&dead.join("postgres")).unwrap();
        File::create(dead.with_extension("lock")).unwrap();
        let living = Ground::claim(parent.path(), "a").unwrap();
        assert!(!dead.exists() && !dead.with_extension("lock").exists());
        let other = Ground::claim(parent.path(), "b").unwrap();
        assert!(living.directory.is_dir() && other.directory.is_dir());
        drop(living);
        Ground::claim(parent.path(), "c").unwrap();
        assert!(!parent.path().join(format!("{}-a", process::id())).exists());
    }
}
