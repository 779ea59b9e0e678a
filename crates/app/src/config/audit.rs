//! How the audit is signed.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// Where the audit is signed, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// Seconds from checkpoint to checkpoint.
    pub(crate) checkpoint_s: u64,
    /// The file that they are told to, outside the database; empty for one in the data directory.
    pub(crate) checkpoint_file: PathBuf,
    /// The Ed25519 key that signs them, in PEM; empty for one in the data directory.
    pub(crate) key_file: PathBuf,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            checkpoint_s: 60,
            checkpoint_file: PathBuf::new(),
            key_file: PathBuf::new(),
        }
    }
}

impl Audit {
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=3_600).contains(&self.checkpoint_s) {
            bail!(
                "audit.checkpoint_s: found {}; expected 1 to 3600",
                self.checkpoint_s
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(with_file("[audit]\ncheckpoint_s = 0\n").is_err());
    }
}
