//! Where events are kept, and for how long.

use std::path::PathBuf;

use anyhow::{Result, bail};
use pts_domain::retention::Policy;
use serde::{Deserialize, Serialize};

/// Where events are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// PostgreSQL 15 or later; empty for a private one in the data directory.
    pub(crate) url: String,
    /// Connections at the most.
    pub(crate) max_connections: usize,
    /// Directory of `initdb` and `postgres` for the private one; empty to look for it.
    pub(crate) bin_dir: PathBuf,
    /// For so many seconds a start waits for a database that does not answer.
    pub(crate) wait_s: u64,
}

/// What goes, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// How long events stay that no projection needs: `forever`, or a span such as `400d`.
    pub(crate) foreign_events: String,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: String::new(),
            max_connections: 16,
            bin_dir: PathBuf::new(),
            wait_s: 30,
        }
    }
}

impl Database {
    pub(super) fn check(&self) -> Result<()> {
        if self.max_connections < 2 {
            bail!(
                "database.max_connections: found {}; expected 2 or more",
                self.max_connections
            );
        }
        Ok(())
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            foreign_events: Policy::Forever.to_string(),
        }
    }
}

impl Retention {
    pub(crate) fn policy(&self) -> Result<Policy> {
        let read = self.foreign_events.parse();
        read.map_err(|why: String| anyhow::anyhow!("retention.foreign_events: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(with_file("[database]\nmax_connections = 1\n").is_err());
        let short = with_file("[retention]\nforeign_events = \"30d\"\n").unwrap_err();
        let error = format!("{short:#}");
        assert!(
            error.contains("retention.foreign_events: found `30d`") && error.contains("62d"),
            "{error}"
        );
    }
}
