//! Real PostgreSQL for tests: one server per test process and major version, in a container where
//! an engine answers and has the image, else from the binaries of the machine; and a migrated
//! database of its own for every test.
//!
//! `PTS_TEST_DATABASE` (`auto`, `containers`, `local`) says where to look, `PTS_POSTGRES_IMAGE`
//! (`postgres:{major}` unless set) names the images, `PTS_TEST_REPORT` is a file that gets a line
//! for each server that a test binary uses. Neither a container nor a server outlives the process.

mod container;
mod database;
mod dump;
mod local;
mod report;
mod server;
mod settings;

pub use database::TestDb;
pub use dump::dump;
pub use server::Server;
pub use settings::Mode;

/// Why there is no server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoServer {
    /// The machine has nothing to start one from: no container engine with the image, no binaries.
    #[error("there is no PostgreSQL to test with: {0}")]
    Absent(String),
    /// There is something to start one from, and it did not start.
    #[error("PostgreSQL did not start: {0}")]
    Failed(String),
}

impl NoServer {
    fn failed(what: &str, error: impl std::fmt::Display + std::fmt::Debug) -> Self {
        // `Debug` shows the sources that `Display` leaves out.
        Self::Failed(format!("{what}: {error} ({error:?})"))
    }
}
