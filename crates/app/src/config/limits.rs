//! What one token may take.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// What one token may take, by each process; 0 is without a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Questions and commands in a second, over ten seconds.
    pub(crate) calls_per_s: u32,
    /// Requests with events in a second, over ten seconds.
    pub(crate) sends_per_s: u32,
    /// Requests with events that are worked on at the same time while others send, too.
    pub(crate) sends_beside_others: u32,
    /// Rows read in a minute.
    pub(crate) rows_per_min: u64,
    /// Bytes read in a minute.
    pub(crate) bytes_per_min: u64,
    /// Heavy questions at the same time.
    pub(crate) heavy: u32,
    /// Live streams at the same time.
    pub(crate) streams: u32,
    /// Seconds that a question may take.
    pub(crate) deadline_s: u64,
}

impl Limits {
    pub(crate) fn limits(&self) -> pts_services::Limits {
        pts_services::Limits {
            calls_per_s: self.calls_per_s,
            sends_per_s: self.sends_per_s,
            sends_beside_others: self.sends_beside_others,
            rows_per_min: self.rows_per_min,
            bytes_per_min: self.bytes_per_min,
            heavy: self.heavy,
            streams: self.streams,
            deadline: Duration::from_secs(self.deadline_s),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=3_600).contains(&self.deadline_s) {
            bail!(
                "limits.deadline_s: found {}; expected 1 to 3600",
                self.deadline_s
            );
        }
        Ok(())
    }
}

impl From<pts_services::Limits> for Limits {
    fn from(limits: pts_services::Limits) -> Self {
        Self {
            calls_per_s: limits.calls_per_s,
            sends_per_s: limits.sends_per_s,
            sends_beside_others: limits.sends_beside_others,
            rows_per_min: limits.rows_per_min,
            bytes_per_min: limits.bytes_per_min,
            heavy: limits.heavy,
            streams: limits.streams,
            deadline_s: limits.deadline.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(with_file("[limits]\ndeadline_s = 0\n").is_err());
        assert!(with_file("[limits]\ncalls_per_s = -1\n").is_err());
    }
}
