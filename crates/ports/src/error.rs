//! How a store says that something went wrong.

use std::error::Error;

/// What a store could not do. `Display` is for logs and operators: it never reaches a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or cannot commit now; trying again may help.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
        /// Whether a write may have happened all the same: the connection was lost after COMMIT
        /// was sent. Sending the same events again is safe: their identity makes them repeats.
        maybe_done: bool,
    },
    /// What is stored is not what was written: a checksum, a shape or a law is broken.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// Anything else: a fault of the adapter or a setting of the database.
    #[error("the store failed")]
    Other(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Unavailable, and certainly nothing was written.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
            maybe_done: false,
        }
    }
}
