//! From what the driver says to what a port says: can it help to try again, may the write have
//! happened, and no secret in any of it.

use std::error::Error as StdError;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use pts_ports::StoreError;
use tokio_postgres::error::SqlState;

/// Why something did not work, as far as the adapter must know to go on.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection is gone, or none could be made.
    Broken(String),
    /// The server is there and cannot now: starting, full, read-only, too slow.
    Busy(String),
    /// Another transaction was in the way; the same again may work at once.
    Conflict(String),
    /// Anything else.
    Failed(DieselError),
    /// What is stored makes no sense.
    Corrupt(String),
}

impl Fault {
    /// What the port says of it when the write certainly did not happen.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Broken(reason) | Self::Busy(reason) | Self::Conflict(reason) => {
                StoreError::unavailable(reason)
            }
            Self::Failed(error) => StoreError::Other(Box::new(error)),
            Self::Corrupt(what) => StoreError::Corrupt(what),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.into_store_error()
    }
}

/// Sorts an error of a statement. diesel-async hands on the kind and the words of a database
/// error, not its SQLSTATE; where only the words tell, English ones are known (the pool asks for
/// them, servers may decline) and others count as [`Fault::Failed`].
pub(crate) fn classify(error: DieselError) -> Fault {
    let DieselError::DatabaseError(kind, info) = &error else {
        return match error {
            DieselError::DeserializationError(source) => Fault::Corrupt(chain(&*source)),
            other => Fault::Failed(other),
        };
    };
    let words = info.message();
    match kind {
        DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
            Fault::Broken(format!("the connection to the database is lost: {words}"))
        }
        DatabaseErrorKind::SerializationFailure => Fault::Conflict(words.to_owned()),
        DatabaseErrorKind::ReadOnlyTransaction => {
            Fault::Busy(format!("the database takes no writes: {words}"))
        }
        _ if words.contains("deadlock detected") => Fault::Conflict(words.to_owned()),
        _ if is_full_disk(words) => Fault::Busy(words.to_owned()),
        _ if BUSY.iter().any(|known| words.contains(known)) => Fault::Busy(words.to_owned()),
        _ => Fault::Failed(error),
    }
}

/// The words for a disk that is full; the second ones where it had room for a part of a page.
const FULL_DISK: [&str; 2] = ["No space left on device", "could not extend file"];

/// Whether a database says that its disk is full.
pub(crate) fn is_full_disk(words: &str) -> bool {
    FULL_DISK.iter().any(|known| words.contains(known))
}

const BUSY: &[&str] = &[
    "out of memory",
    "out of shared memory",
    "canceling statement due to",
    "the database system is",
    "too many clients",
    "remaining connection slots",
];

/// Whether no partition is there for a row.
pub(crate) fn lacks_partition(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, info)
            // A constraint's violation names the constraint; a missing partition has none to name.
            if info.constraint_name().is_none()
    )
}

/// Sorts an error of making a connection: here the SQLSTATE is known.
pub(crate) fn connecting(error: &tokio_postgres::Error) -> Fault {
    let reason = format!("no connection to the database: {}", chain(error));
    match error.code() {
        None => Fault::Broken(reason),
        Some(code) if is_passing(code) => Fault::Busy(reason),
        Some(_) => Fault::Failed(DieselError::QueryBuilderError(reason.into())),
    }
}

/// Whether a server that refuses a connection may take it later. It may not if it knows neither
/// the user nor the database, or if the user may not have it.
fn is_passing(code: &SqlState) -> bool {
    let code = code.code();
    !["28", "3D", "42", "0A"]
        .iter()
        .any(|class| code.starts_with(class))
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_line = cause.to_string();
        if !line.ends_with(&cause_line) {
            line.push_str(": ");
            line.push_str(&cause_line);
        }
        source = cause.source();
    }
    line
}

/// A fault of a setting: nothing that trying again could change.
pub(crate) fn setting(reason: impl Into<String>) -> StoreError {
    let reason: String = reason.into();
    StoreError::Other(reason.into())
}
