//! A person as an identity provider knows them.

use std::collections::BTreeSet;

/// Who has signed in at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider, by its URL.
    pub issuer: String,
    /// The provider's own name for the person: stays the same when they change theirs.
    pub subject: String,
    /// What to call them: this is who acts, in logs and lists.
    pub name: String,
    /// The groups that the provider says they are in.
    pub groups: BTreeSet<String>,
}

impl Person {
    /// The name that no other person has, here or with another provider.
    pub fn key(&self) -> String {
        format!("{}#{}", self.issuer, self.subject)
    }
}
