//! From what the driver says to what a port says: can it help to try again, may the write have
//! happened, and no secret in any of it.

use std::error::Error as StdError;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use futures::future::{join_all, join3};
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

impl Fault {
    fn is_echo(&self) -> bool {
        matches!(self, Self::Busy(words) if words.contains(ECHO))
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
            DieselError::RollbackErrorOnCommit { commit_error, .. } => classify(*commit_error),
            DieselError::BrokenTransactionManager => Fault::Broken(error.to_string()),
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
        // The last word of a connection: its backend is ended, or all of them.
        _ if words.starts_with("terminating connection") => {
            Fault::Broken(format!("the connection to the database is lost: {words}"))
        }
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

/// What statements are told that are sent behind one that failed. It says nothing of why.
const ECHO: &str = "current transaction is aborted";

/// Waits for statements that are sent together; of their errors, the one that is the reason. Answers
/// are looked at in any order, and those that only say that another failed must not hide why.
pub(crate) async fn together<T>(
    statements: impl IntoIterator<Item = impl Future<Output = QueryResult<T>>>,
) -> Result<Vec<T>, Fault> {
    let answers = join_all(statements).await.into_iter();
    let (values, errors): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
    let errors = errors.into_iter().filter_map(Result::err).map(classify);
    match reason(errors) {
        None => Ok(values.into_iter().flatten().collect()),
        Some(fault) => Err(fault),
    }
}

/// The same for three of different kinds.
pub(crate) async fn three_together<A, B, C>(
    one: impl Future<Output = Result<A, Fault>>,
    two: impl Future<Output = Result<B, Fault>>,
    three: impl Future<Output = Result<C, Fault>>,
) -> Result<(A, B, C), Fault> {
    match join3(one, two, three).await {
        (Ok(one), Ok(two), Ok(three)) => Ok((one, two, three)),
        (one, two, three) => {
            let faults = [one.err(), two.err(), three.err()].into_iter().flatten();
            Err(reason(faults).unwrap_or_else(|| Fault::Busy(ECHO.to_owned())))
        }
    }
}

/// The first that is no echo, or else the first.
fn reason(faults: impl Iterator<Item = Fault>) -> Option<Fault> {
    let mut echo = None;
    for fault in faults {
        if !fault.is_echo() {
            return Some(fault);
        }
        echo = echo.or(Some(fault));
    }
    echo
}

const BUSY: &[&str] = &[
    // Where the reason itself is not known: whoever tries again may learn it.
    ECHO,
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
        Some(code) if [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code) => {
            Fault::Broken(reason)
        }
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

/// Sorts an error of migrating, whose kind is lost on its way: what the connection is like afterwards
/// and the words tell whether it may pass.
pub(crate) fn migrating(error: Box<dyn StdError + Send + Sync>, gone: bool) -> StoreError {
    let words = chain(&*error);
    let passes = gone
        || words.contains("deadlock detected")
        || is_full_disk(&words)
        || BUSY.iter().any(|known| words.contains(known));
    if passes {
        StoreError::unavailable(words)
    } else {
        StoreError::Other(error)
    }
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

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn said(words: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned()))
    }

    #[test]
    fn what_a_database_says_tells_whether_it_helps_to_try_again() {
        let check = |words: &str, expected: &str| {
            let fault = format!("{:?}", classify(said(words)));
            assert!(fault.starts_with(expected), "{words}: {fault}");
        };
        check(
            "terminating connection due to administrator command",
            "Broken",
        );
        check(
            "terminating connection because of crash of another server process",
            "Broken",
        );
        check(
            "could not extend file \"base/5/16399\": No space left on device",
            "Busy",
        );
        check("deadlock detected", "Conflict");
        check(
            "invalid byte sequence for encoding \"UTF8\": 0x00",
            "Failed",
        );
    }

    #[tokio::test]
    async fn of_statements_sent_together_the_one_that_failed_is_told_of_and_not_its_echo() {
        let echo =
            "current transaction is aborted, commands ignored until end of transaction block";
        let fail = |words: &[&str]| {
            let answers: Vec<_> = words.iter().map(|words| Err(said(words))).collect();
            together::<()>(answers.into_iter().map(ready))
        };
        let refused = fail(&[echo, "value out of range", echo]).await;
        assert!(matches!(refused, Err(Fault::Failed(_))), "{refused:?}");
        let full = fail(&[echo, "No space left on device"]).await;
        assert!(matches!(&full, Err(Fault::Busy(words)) if words.contains("space")));
        let unknown = fail(&[echo]).await;
        assert!(matches!(unknown, Err(Fault::Busy(_))), "{unknown:?}");
        let three = three_together(
            ready(Err::<(), _>(classify(said(echo)))),
            ready(Ok(1)),
            ready(Err::<(), _>(classify(said("value out of range")))),
        );
        assert!(matches!(three.await, Err(Fault::Failed(_))));
        let fine = together([Ok(1), Ok(2)].map(ready)).await;
        assert_eq!(fine.unwrap(), [1, 2]);
    }
}
