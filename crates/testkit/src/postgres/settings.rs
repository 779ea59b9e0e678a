//! What the environment says about databases for tests, and how a throw-away server is tuned.

use std::env;

use super::NoServer;

/// Where tests may look for databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Containers where an engine answers and has the image, local binaries otherwise.
    Auto,
    /// Containers or failure.
    Containers,
    /// Local binaries or failure.
    Local,
}

impl Mode {
    /// What `PTS_TEST_DATABASE` asks for.
    pub fn of_environment() -> Result<Self, NoServer> {
        match env::var("PTS_TEST_DATABASE").as_deref() {
            Err(_) | Ok("" | "auto") => Ok(Self::Auto),
            Ok("containers") => Ok(Self::Containers),
            Ok("local") => Ok(Self::Local),
            Ok(other) => Err(NoServer::Failed(format!(
                "PTS_TEST_DATABASE=`{other}`: expected auto, containers or local"
            ))),
        }
    }
}

/// The image of a major version.
pub(super) fn image(major: u16) -> String {
    env::var("PTS_POSTGRES_IMAGE")
        .ok()
        .filter(|pattern| !pattern.is_empty())
        .unwrap_or_else(|| "postgres:{major}".to_owned())
        .replace("{major}", &major.to_string())
}

/// Where a test asks for no major version: the first of these that is there.
pub(super) const MAJORS: [u16; 2] = [17, 15];

/// Settings of a server that nobody will miss. Nothing is flushed: these databases die with the
/// test process, and a crash of the machine loses nothing but them. Never do this to data.
pub(super) const THROW_AWAY: [(&str, &str); 6] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    // One server serves all tests of a process, each with a pool of its own.
    ("max_connections", "300"),
    ("shared_buffers", "64MB"),
    // A database is made from a template for each test; fewer checkpoints on the way.
    ("max_wal_size", "2GB"),
];
