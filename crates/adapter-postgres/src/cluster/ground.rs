//! The ground a cluster stands on: its directories, whose they are, and the lock on them.
//!
//! Under the data directory: `postgres.lock`, and `postgres/` with `data` (the cluster), `run`
//! (the socket) and `binaries` (fetched programs). `postgres/` itself belongs to this process's
//! account; only the leaves are given to the unprivileged one, so that it can never exchange
//! a directory that root is about to change.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::account::Account;
use super::error::{ClusterError, io};

/// Names the socket file; no network port is opened.
pub(super) const PORT: u16 = 5432;

/// A socket's path has 108 bytes with its NUL; the file in the directory is `/.s.PGSQL.5432`.
const SOCKET_DIR_BYTES_MAX: usize = 107 - "/.s.PGSQL.5432".len();

/// A data directory that is ours for as long as this value lives.
#[derive(Debug)]
pub(super) struct Ground {
    /// Holds `data`, `run` and `binaries`.
    pub(super) home: PathBuf,
    /// The cluster's own directory. It exists once `initdb` is through.
    pub(super) pgdata: PathBuf,
    /// Where the socket is.
    pub(super) sockets: PathBuf,
    /// Who runs PostgreSQL.
    pub(super) account: Account,
    /// Marks this cluster's processes, `pts-` and 16 hexadecimal digits.
    pub(super) tag: String,
    _lock: Lock,
}

impl Ground {
    /// Takes possession of a data directory and puts its directories in order.
    pub(super) fn claim(data_dir: &Path) -> Result<Self, ClusterError> {
        make_with_parents(data_dir)?;
        let data_dir = &data_dir.canonicalize().map_err(io("resolve", data_dir))?;
        let lock = lock(data_dir)?;

        let home = data_dir.join("postgres");
        let pgdata = home.join("data");
        let owner = match fs::symlink_metadata(&pgdata) {
            Ok(meta) => Some((meta.uid(), meta.gid())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io("look at", pgdata)(error)),
        };
        let account = Account::choose(&pgdata, owner)?;
        let tag = tag(&home);
        let binaries = home.join("binaries");
        let ground = Self {
            sockets: socket_dir(&home, &tag, &account),
            home,
            pgdata,
            account,
            tag,
            _lock: lock,
        };

        make(
            &ground.home,
            if ground.account.switch { 0o711 } else { 0o700 },
        )?;
        make(&binaries, 0o755)?;
        if let Some(blocked) = ground.account.blocked_at(&ground.home) {
            return Err(ClusterError::NotTraversable {
                blocked: blocked.to_owned(),
                data_dir: data_dir.clone(),
                account: ground.account.to_string(),
            });
        }
        if ground.account.switch && owner.is_some_and(|(uid, _)| uid == 0) {
            // Brought back by root, from a backup perhaps.
            ground.give_tree(&ground.pgdata)?;
        }
        ground.make_own(&ground.sockets)?;
        ground.clear_leavings()?;
        Ok(ground)
    }

    /// Where fetched programs are kept.
    pub(super) fn binaries(&self) -> PathBuf {
        self.home.join("binaries")
    }

    /// The connection string of this cluster.
    pub(super) fn url(&self) -> String {
        url_by(self.sockets.as_os_str().as_bytes())
    }

    /// Makes a directory of the unprivileged account, closed to all others.
    pub(super) fn make_own(&self, dir: &Path) -> Result<(), ClusterError> {
        make(dir, 0o700)?;
        self.give(dir)
    }

    /// The major version that made the cluster; None where there is no cluster yet.
    pub(super) fn made_by(&self) -> Result<Option<u32>, ClusterError> {
        let stranger = || ClusterError::NotACluster {
            path: self.pgdata.clone(),
        };
        match fs::read_to_string(self.pgdata.join("PG_VERSION")) {
            Ok(version) => version.trim().parse().map(Some).map_err(|_| stranger()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match fs::remove_dir(&self.pgdata) {
                    Ok(()) => Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(_) => Err(stranger()),
                }
            }
            Err(error) => Err(io("read", self.pgdata.join("PG_VERSION"))(error)),
        }
    }

    /// Removes the socket directory where it is not below the data directory.
    pub(super) fn leave(&self) {
        if !self.sockets.starts_with(&self.home) {
            let _ = fs::remove_dir_all(&self.sockets);
        }
    }

    fn give(&self, path: &Path) -> Result<(), ClusterError> {
        if !self.account.switch {
            return Ok(());
        }
        lchown(path, Some(self.account.uid), Some(self.account.gid)).map_err(io("give away", path))
    }

    fn give_tree(&self, path: &Path) -> Result<(), ClusterError> {
        self.give(path)?;
        if !fs::symlink_metadata(path)
            .map_err(io("look at", path))?
            .is_dir()
        {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(io("list", path))? {
            self.give_tree(&entry.map_err(io("list", path))?.path())?;
        }
        Ok(())
    }

    /// Removes what an earlier run did not finish. We hold the lock: nobody of us is at work on it.
    fn clear_leavings(&self) -> Result<(), ClusterError> {
        for (dir, prefix) in [(&self.home, "initdb-"), (&self.binaries(), "fetching-")] {
            for entry in fs::read_dir(dir).map_err(io("list", dir))?.flatten() {
                if entry.file_name().as_bytes().starts_with(prefix.as_bytes()) {
                    remove_leaving(&entry.path()).map_err(io("remove", entry.path()))?;
                }
            }
        }
        Ok(())
    }
}

/// A program that a killed run had started may be at work for a moment more, and put something into a
/// directory that was just emptied.
fn remove_leaving(path: &Path) -> io::Result<()> {
    let until = Instant::now() + ORPHANS_END;
    loop {
        match fs::remove_dir_all(path) {
            Err(error)
                if error.kind() == io::ErrorKind::DirectoryNotEmpty && Instant::now() < until =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

/// How long the programs of a killed run are given to notice.
const ORPHANS_END: Duration = Duration::from_secs(5);

/// The lock of a data directory. To close the file is not enough to give it back: a child that
/// another thread is just starting has a copy until it becomes another program.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// A connection string over the socket in a directory. A URL with an encoded host is what both
/// drivers and libpq take.
fn url_by(sockets: &[u8]) -> String {
    use std::fmt::Write;
    let mut host = String::new();
    for byte in sockets {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(byte) {
            host.push(char::from(*byte));
        } else {
            let _ = write!(host, "%{byte:02X}");
        }
    }
    format!("postgresql://pts@{host}:{PORT}/pts")
}

/// The connection string of the cluster that somebody runs on a data directory, as its server
/// wrote it down. None where no server is ready.
pub(super) fn url_of_running(data_dir: &Path) -> Option<String> {
    let pid_file = data_dir
        .join("postgres")
        .join("data")
        .join("postmaster.pid");
    let content = fs::read_to_string(pid_file).ok()?;
    // Process id, data directory, start time, port, socket directory, listen address, shared
    // memory, status: the format is PostgreSQL's own, unchanged since version 10.
    let lines: Vec<_> = content.lines().collect();
    let (sockets, status) = (lines.get(4)?, lines.get(7)?);
    (status.trim() == "ready").then(|| url_by(sockets.as_bytes()))
}

/// Takes the lock of a data directory. The system gives it back when this process ends, however.
fn lock(data_dir: &Path) -> Result<Lock, ClusterError> {
    let path = data_dir.join("postgres.lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.take(20).read_to_string(&mut holder);
            let holder = holder.trim().parse().ok();
            return Err(ClusterError::InUse {
                data_dir: data_dir.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(io("lock", path)(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io("write", path))?;
    Ok(Lock(file))
}

/// Makes a directory with the parents it lacks. What root makes here can be passed through by
/// the unprivileged account, whatever the umask is; directories that exist are left alone.
fn make_with_parents(dir: &Path) -> Result<(), ClusterError> {
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    let missing: Vec<_> = dir
        .ancestors()
        .take_while(|ancestor| !present(ancestor))
        .collect();
    for dir in missing.into_iter().rev() {
        make(dir, mode)?;
    }
    Ok(())
}

fn present(dir: &Path) -> bool {
    // The empty path is the end of a relative one: the working directory.
    dir.as_os_str().is_empty() || dir.exists()
}

/// Makes one directory of ours, or puts the one that is there in order.
fn make(dir: &Path, mode: u32) -> Result<(), ClusterError> {
    match DirBuilder::new().mode(mode).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io("create the directory", dir)(error));
        }
        _ => {}
    }
    fs::set_permissions(dir, Permissions::from_mode(mode)).map_err(io("set the mode of", dir))
}

fn tag(home: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    format!("pts-{:016x}", hasher.finish())
}

/// `run` below the cluster's home where the socket's path fits and needs no quoting in a
/// setting; else a short directory elsewhere.
fn socket_dir(home: &Path, tag: &str, account: &Account) -> PathBuf {
    let near = home.join("run");
    if serves(&near) {
        return near;
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let root = account.switch.then(|| PathBuf::from("/run"));
    let places = root.or(runtime).into_iter().chain([std::env::temp_dir()]);
    let parent = places
        .filter(|parent| parent.is_dir() && serves(&parent.join(tag)))
        .find(|parent| account.blocked_at(parent).is_none())
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    // In a directory that everybody writes to, somebody else may have taken the name.
    (0..u16::MAX)
        .map(|try_number| match try_number {
            0 => parent.join(tag),
            more => parent.join(format!("{tag}-{more}")),
        })
        .find(|dir| match fs::symlink_metadata(dir) {
            Ok(meta) => meta.is_dir() && meta.uid() == account.uid,
            Err(_) => true,
        })
        .unwrap_or(near)
}

fn serves(dir: &Path) -> bool {
    let bytes = dir.as_os_str().as_bytes();
    bytes.len() <= SOCKET_DIR_BYTES_MAX
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_directory_is_short_and_plain() {
        let of = |len: usize| PathBuf::from(format!("/{}", "a".repeat(len - 1)));
        assert!(serves(&of(SOCKET_DIR_BYTES_MAX)));
        assert!(!serves(&of(SOCKET_DIR_BYTES_MAX + 1)));
        assert!(!serves(Path::new("/with space")));
        assert!(!serves(Path::new("/with,comma")));
    }

    #[test]
    fn a_directory_in_nobodys_hands_is_not_remade() {
        let root = tempfile::tempdir().unwrap();
        let before = fs::metadata(root.path()).unwrap().permissions().mode();
        make_with_parents(&root.path().join("a/b")).unwrap();
        assert_eq!(
            fs::metadata(root.path()).unwrap().permissions().mode(),
            before
        );
        assert!(root.path().join("a/b").is_dir());
    }
    #[test]
    fn the_lock_is_given_back_while_a_child_being_started_has_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let copy = held.0.try_clone().unwrap();
        assert!(matches!(
            lock(dir.path()),
            Err(ClusterError::InUse {
                holder: Some(_),
                ..
            })
        ));
        drop(held);
        lock(dir.path()).unwrap();
        drop(copy);
    }
}
