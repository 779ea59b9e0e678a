//! How the audit is signed, and where that is told.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::telemetry::host_alone;

/// Where the audit is signed, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// Seconds from checkpoint to checkpoint.
    pub(crate) checkpoint_s: u64,
    /// The file that they are told to, outside the database; empty for one in the data directory.
    pub(crate) checkpoint_file: PathBuf,
    /// An address that they are told to as well, by POST; empty for none.
    pub(crate) webhook: String,
    /// The bearer token that it is shown; empty for none.
    pub(crate) webhook_token: String,
    /// The Ed25519 key that signs them, in PEM; empty for one in the data directory.
    pub(crate) key_file: PathBuf,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            checkpoint_s: 60,
            checkpoint_file: PathBuf::new(),
            webhook: String::new(),
            webhook_token: String::new(),
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
        let token = &self.webhook_token;
        if self.webhook.is_empty() && !token.is_empty() {
            bail!("audit.webhook_token: found one; expected none without audit.webhook");
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("audit.webhook_token: expected visible ASCII characters without spaces");
        }
        Ok(())
    }

    /// The same without secrets. What stands behind the host of a webhook often is one.
    pub(super) fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.webhook = host_alone(&shown.webhook);
        if !shown.webhook_token.is_empty() {
            "***".clone_into(&mut shown.webhook_token);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(with_file("[audit]\ncheckpoint_s = 0\n").is_err());
        assert!(with_file("[audit]\nwebhook_token = \"s3cret\"\n").is_err());
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_not_repeated() {
        let wrong = "[audit]\nwebhook = \"https://h/\"\nwebhook_token = \"s3c ret\"\n";
        let error = format!("{:#}", with_file(wrong).unwrap_err());
        assert!(
            error.contains("audit.webhook_token") && !error.contains("s3c"),
            "{error}"
        );
    }
}
