//! Who may do what, by rules that an operator can read and write.

use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Ruling};

/// A rule in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: String,
    /// Whether it permits; one that does not forbids, and wins over all that do.
    pub permits: bool,
    /// Whether it is there always, and not from the file.
    pub built_in: bool,
    /// As it is written.
    pub text: String,
}

/// What is in force, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyBook {
    /// The rules, those first that are there always.
    pub policies: Vec<Policy>,
    /// What they can speak of, in the engine's language; empty where there is none.
    pub schema: String,
    /// The file that the others were read from.
    pub file: Option<String>,
    /// SHA-256 of that file as it was read; none without a file.
    pub digest: Option<[u8; 32]>,
    /// When they were read.
    pub loaded_at: Option<Timestamp>,
    /// Why nothing is in force: the file cannot be read or is wrong.
    pub fault: Option<String>,
}

/// What an operator's file of rules is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// SHA-256 of it; none while it cannot be read.
    pub digest: Option<[u8; 32]>,
    /// How many rules it has that are in force.
    pub policies: usize,
    /// Why none of them is.
    pub fault: Option<String>,
}

/// It cannot be decided, because the policies cannot be read. The reason is for the log, and for those
/// who may read policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policies cannot be read: {0}")]
pub struct PoliciesAway(pub String);

/// Decides who may do what. Asked on the way of every request, so it neither waits nor reads.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PolicyEngine: Send + Sync {
    /// Decides. A rule that forbids wins over all that permit, and what no rule permits is refused; so
    /// is what a rule fails on.
    ///
    /// # Errors
    /// [`PoliciesAway`] while what was to be read cannot be: nothing is permitted then.
    fn decide(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        at: Timestamp,
    ) -> Result<Ruling, PoliciesAway>;

    /// Changes whenever the rules do: a decision made before is none any more.
    fn edition(&self) -> u64;

    /// The rules, for people.
    fn book(&self) -> PolicyBook;

    /// What the operator's file is now, at no cost; nothing if there is none.
    fn file(&self) -> Option<PolicyFile>;

    /// Looks whether the rules have changed where they are kept, and takes over what is there. May
    /// wait for a disk.
    fn refresh(&self, at: Timestamp);
}
