//! Where it is kept what PTS could not see: when it was able to receive, who usually reports, and
//! who is expected to.

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::blind::{Expectation as Expected, Refusal, Reporter, Uptime};

use crate::StoreError;

/// What processes said of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// How long each was up; one for each process.
    pub uptimes: Vec<Uptime>,
    /// What they refused.
    pub refusals: Vec<Refusal>,
}

/// What PTS knows of its own blind spots. Small, and written beside everything else: nothing here is
/// in the way of an event.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait BlindSpots: Send + Sync {
    /// Writes down how long a process was up by now, and what it refused. The end of an uptime MUST
    /// NOT move back, and the same refusal MUST be kept once however often it is given: an answer
    /// may have been lost.
    async fn report(&self, uptime: Uptime, refusals: &[Refusal]) -> Result<(), StoreError>;

    /// What was written down at `since` or later by the store's clock, or all of it: the latest
    /// 10,000 of each at the most.
    async fn received(&self, since: Option<Timestamp>) -> Result<Received, StoreError>;

    /// Keeps what is known of sources, each in its workspace. Of two views of one source the one that
    /// heard it last stays.
    async fn keep_reporters(&self, reporters: &[(Workspace, Reporter)]) -> Result<(), StoreError>;

    /// The sources that were kept at `since` or later by the store's clock, or all of them: the
    /// 10,000 that were heard last at the most.
    async fn reporters(
        &self,
        since: Option<Timestamp>,
    ) -> Result<Vec<(Workspace, Reporter)>, StoreError>;

    /// Declares that a source of a workspace will report, in the place of what was declared of it before. Returns
    /// false, and changes nothing, where `most` others are declared already, in all workspaces together.
    async fn expect(
        &self,
        workspace: &Workspace,
        expectation: &Expected,
        most: u64,
    ) -> Result<bool, StoreError>;

    /// Takes back what was declared of a source; whether there was anything.
    async fn unexpect(&self, workspace: &Workspace, source: &str) -> Result<bool, StoreError>;

    /// Everything that is declared, by the names of the workspaces and the sources.
    async fn expectations(&self) -> Result<Vec<(Workspace, Expected)>, StoreError>;

    /// Forgets what ended, and who was last heard, before a moment.
    async fn forget(&self, before: Timestamp) -> Result<(), StoreError>;
}
