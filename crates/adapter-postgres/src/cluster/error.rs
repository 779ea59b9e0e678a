//! What can go wrong, in words that say what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a cluster could not be started. The cause, where there is one, is the error's `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Another process holds the data directory.
    #[error(
        "the data directory {} is in use by another pts-server{}; stop that one or choose \
         another data directory", data_dir.display(), by(*.holder)
    )]
    InUse {
        /// The directory both want.
        data_dir: PathBuf,
        /// The process that holds it, where it said so.
        holder: Option<u32>,
    },
    /// No usable `initdb` and `postgres`.
    #[error(
        "no PostgreSQL {} was found ({searched}); install it with `{install}`, or name the \
         directory of its `initdb` and `postgres`, or give a database URL", wanted_major(*.wanted)
    )]
    NoBinaries {
        /// The major version needed; None for any from 15 up.
        wanted: Option<u32>,
        /// Where was looked and why fetching did not work.
        searched: String,
        /// The one command that installs it on this system.
        install: String,
    },
    /// The cluster was made by a major version that is not here.
    #[error(
        "the cluster in {} was made by PostgreSQL {wanted} and only {wanted} can open it, but \
         found was only {found}; install it with `{install}`, or move the data with \
         pg_dump or pg_upgrade", pgdata.display()
    )]
    WrongMajor {
        /// The cluster's directory.
        pgdata: PathBuf,
        /// The major version that made it.
        wanted: u32,
        /// What was found instead.
        found: String,
        /// The one command that installs the wanted one on this system.
        install: String,
    },
    /// The directory of binaries that was named is of no use.
    #[error("{} cannot be used as the directory of PostgreSQL's programs: {reason}", dir.display())]
    BinDir {
        /// The directory that was named.
        dir: PathBuf,
        /// What is missing there.
        reason: String,
    },
    /// The unprivileged account that runs PostgreSQL cannot reach the data directory.
    #[error(
        "PostgreSQL does not run as root, and the account it runs as ({account}) may not pass \
         through {}; allow it with `chmod o+x {}`, or choose a data directory such as \
         /var/lib/pts instead of {}", blocked.display(), blocked.display(), data_dir.display()
    )]
    NotTraversable {
        /// The directory that keeps it out.
        blocked: PathBuf,
        /// The data directory beyond.
        data_dir: PathBuf,
        /// Who is kept out.
        account: String,
    },
    /// The cluster belongs to somebody else.
    #[error(
        "{} belongs to user id {owner}, this process runs as user id {uid}; run it as the owner \
         or as root, or give the directory away with `chown -R`", path.display()
    )]
    NotOwner {
        /// The cluster's directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        uid: u32,
    },
    /// Something else lies where the cluster should be.
    #[error(
        "{} is not a PostgreSQL cluster (no readable PG_VERSION) and is not empty; move it away \
         or choose another data directory", path.display()
    )]
    NotACluster {
        /// The directory in the way.
        path: PathBuf,
    },
    /// A setting that cannot be passed on.
    #[error("the PostgreSQL setting {name:?} cannot be used: {reason}")]
    Setting {
        /// Its name as given.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// `initdb` failed.
    #[error("initdb failed ({ended}) for {}{}: {output}", pgdata.display(), initdb_hint(.output))]
    Initdb {
        /// The directory to be made.
        pgdata: PathBuf,
        /// How it ended.
        ended: String,
        /// The end of what it said.
        output: String,
    },
    /// The server ended while it was being started.
    #[error("PostgreSQL ended while starting ({ended}); its last words: {output}")]
    Ended {
        /// How it ended.
        ended: String,
        /// The end of its log.
        output: String,
    },
    /// Something took too long.
    #[error(
        "{what} was not done after {} s; allow more time if the disk is slow or a recovery runs. \
         Last words: {output}", after.as_secs_f32()
    )]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        after: Duration,
        /// The end of its log.
        output: String,
    },
    /// A server left over by an earlier owner will not go.
    #[error(
        "a PostgreSQL server of an earlier run (process {pid}) still uses {} and does not stop; \
         end it with `pg_ctl stop -m immediate -D {}`", pgdata.display(), pgdata.display()
    )]
    Occupied {
        /// The cluster's directory.
        pgdata: PathBuf,
        /// The process in the way.
        pid: u32,
    },
    /// The server runs but refused what PTS needs of it.
    #[error("the embedded PostgreSQL runs, but it does not give us the database `pts`")]
    Database {
        /// The driver's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A program could not be run.
    #[error("{} could not be run as {account}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// As whom.
        account: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The start was given up by the caller.
    #[error("the cluster was stopped before it had started")]
    Stopped,
    /// The thread that keeps the cluster could not be made, or it failed.
    #[error("the thread that keeps the PostgreSQL cluster is not there")]
    Keeper,
}

/// Attaches a path and an action to an IO error.
pub(super) fn io<'a>(
    action: &'static str,
    path: impl Into<PathBuf> + 'a,
) -> impl FnOnce(io::Error) -> ClusterError + 'a {
    move |source| ClusterError::Io {
        action,
        path: path.into(),
        source,
    }
}

fn by(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

fn wanted_major(wanted: Option<u32>) -> String {
    wanted.map_or_else(|| "15 or newer".to_owned(), |major| major.to_string())
}

fn initdb_hint(output: &str) -> &'static str {
    if output.contains("could not look up effective user ID") {
        "; the user this process runs as needs an entry in /etc/passwd"
    } else {
        ""
    }
}
