//! Who PostgreSQL runs as, and how a program is run as that account and dies with us.
//!
//! PostgreSQL refuses root. A process that is root gives its children an unprivileged account;
//! any other process runs them as itself.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::binaries::Binaries;
use super::error::ClusterError;

/// The unprivileged account of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether this process is root and must change to it.
    pub(super) switch: bool,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        match name_of(&passwd, self.uid) {
            Some(name) => write!(f, "{name}, user id {}", self.uid),
            None => write!(f, "user id {}", self.uid),
        }
    }
}

impl Account {
    /// Chooses the account for a cluster whose directory, if there is one, has this owner.
    pub(super) fn choose(pgdata: &Path, owner: Option<(u32, u32)>) -> Result<Self, ClusterError> {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        if uid != 0 {
            return match owner {
                Some((owner, _)) if owner != uid => Err(ClusterError::NotOwner {
                    path: pgdata.to_owned(),
                    owner,
                    uid,
                }),
                _ => Ok(Self {
                    uid,
                    gid,
                    switch: false,
                }),
            };
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let (uid, gid) = unprivileged(&passwd, owner);
        Ok(Self {
            uid,
            gid,
            switch: true,
        })
    }

    /// The nearest ancestor of `dir`, itself included, that this account may not pass through.
    pub(super) fn blocked_at<'a>(&self, dir: &'a Path) -> Option<&'a Path> {
        let closed = dir.ancestors().filter(|ancestor| {
            fs::metadata(ancestor).is_ok_and(|meta| {
                let mode = meta.permissions().mode();
                let bit = if meta.uid() == self.uid {
                    0o100
                } else if meta.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                mode & bit == 0
            })
        });
        // The mode is not the whole truth (access lists): ask the system before refusing.
        closed.last().filter(|_| !self.enters(dir))
    }

    fn enters(&self, dir: &Path) -> bool {
        let mut probe = Command::new("/bin/true");
        self.put_on(&mut probe);
        probe
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }

    /// A command for one of PostgreSQL's programs: this account, a clean environment, a process
    /// group of its own (Ctrl-C at a terminal is for us, we then stop it in order), and an end
    /// when the calling *thread* ends.
    pub(super) fn command(&self, binaries: &Binaries, name: &str, cwd: &Path) -> Command {
        let program = binaries.dir.join(name);
        let mut command = if let Some(setpriv) = setpriv() {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "INT", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        self.put_on(&mut command);
        binaries.environment(&mut command);
        command
            .process_group(0)
            .current_dir(cwd)
            .stdin(Stdio::null());
        command
    }

    fn put_on(&self, command: &mut Command) {
        if self.switch {
            // The standard library also drops root's supplementary groups here.
            command.uid(self.uid).gid(self.gid);
        }
    }
}

/// `setpriv` of util-linux, where it is there and knows `--pdeathsig` (busybox's does not).
fn setpriv() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
            let found = on_path(&path, "setpriv").find(|setpriv| {
                Command::new(setpriv)
                    .args(["--pdeathsig", "INT", "--", "/bin/true"])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
            });
            if found.is_none() {
                tracing::info!(
                    "no setpriv of util-linux: a PostgreSQL that outlives a killed process is \
                     stopped by the next start"
                );
            }
            found
        })
        .as_deref()
}

/// Files of that name in the directories of a search path.
pub(super) fn on_path(path: &OsStr, name: &str) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path)
        .map(move |dir| dir.join(name))
        .filter(|file| file.is_file())
}

fn unprivileged(passwd: &str, owner: Option<(u32, u32)>) -> (u32, u32) {
    const NOBODY: u32 = 65534;
    owner
        .filter(|(uid, _)| *uid != 0)
        .or_else(|| ids_of(passwd, "postgres"))
        .or_else(|| ids_of(passwd, "nobody"))
        .filter(|(uid, _)| *uid != 0)
        .unwrap_or((NOBODY, NOBODY))
}

fn ids_of(passwd: &str, user: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn name_of(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          broken line\n\
                          postgres:x:101:104:PostgreSQL administrator,,,:/var/lib:/bin/bash\n\
                          nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn the_owner_of_an_existing_cluster_wins_unless_it_is_root() {
        assert_eq!(unprivileged(PASSWD, Some((1000, 1001))), (1000, 1001));
        assert_eq!(unprivileged(PASSWD, Some((0, 0))), (101, 104));
        assert_eq!(unprivileged(PASSWD, None), (101, 104));
    }

    #[test]
    fn without_a_postgres_account_it_is_nobody() {
        let lines: Vec<_> = PASSWD
            .lines()
            .filter(|line| !line.starts_with("postgres"))
            .collect();
        assert_eq!(unprivileged(&lines.join("\n"), None), (65534, 65533));
        assert_eq!(unprivileged("", None), (65534, 65534));
        assert_eq!(
            unprivileged("nobody:x:0:0::/:/bin/sh", None),
            (65534, 65534)
        );
    }

    #[test]
    fn an_account_is_named_where_it_has_a_name() {
        assert_eq!(name_of(PASSWD, 101), Some("postgres"));
        assert_eq!(name_of(PASSWD, 102), None);
    }
}
