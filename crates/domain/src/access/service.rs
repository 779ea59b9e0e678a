//! Services that show a client certificate instead of a token.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Scope, Workspace};

/// A service that is known by its certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceIdentity {
    /// What to call it: this is who acts, in logs.
    pub name: String,
    /// The names in certificates that are its own: URIs such as `spiffe://acme/agent`, or DNS names.
    pub certificate_names: BTreeSet<String>,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The roles that it has as well.
    pub roles: BTreeSet<String>,
    /// The only workspace that it reaches.
    pub workspace: Option<Workspace>,
}

impl ServiceIdentity {
    /// Whether a certificate with such a name is its own. URIs are compared letter by letter, DNS names
    /// without regard to case.
    pub fn is_named(&self, name: &str) -> bool {
        let is_uri = name.contains(':');
        let same = |own: &String| own == name || (!is_uri && own.eq_ignore_ascii_case(name));
        self.certificate_names.iter().any(same)
    }

    /// By what it is found among the tokens; no token's text has this hash. Everything that is
    /// configured has a part in it: a service with other rights is another, and one that was revoked
    /// stays so.
    pub fn hash(&self) -> [u8; 32] {
        let workspace = self.workspace.as_ref().map(Workspace::as_str);
        let all = json!([
            self.name,
            self.certificate_names,
            self.scopes,
            self.roles,
            workspace
        ]);
        let digest = Sha256::new()
            .chain_update("service identity ")
            .chain_update(all.to_string());
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> ServiceIdentity {
        ServiceIdentity {
            name: "agent".into(),
            certificate_names: ["spiffe://acme/Agent", "agent.acme"]
                .map(ToOwned::to_owned)
                .into(),
            scopes: [Scope::EventsWrite].into(),
            ..ServiceIdentity::default()
        }
    }

    #[test]
    fn a_service_is_known_by_its_names_alone() {
        let check = |name: &str, known| assert_eq!(agent().is_named(name), known, "{name}");
        check("spiffe://acme/Agent", true);
        check("spiffe://acme/agent", false);
        check("agent.acme", true);
        check("AGENT.acme", true);
        check("other.acme", false);
        check("*.acme", false);
        check("", false);
    }

    #[test]
    fn whoever_may_something_else_is_another() {
        let mut hashes = vec![agent().hash()];
        let mut with = |change: fn(&mut ServiceIdentity)| {
            let mut other = agent();
            change(&mut other);
            hashes.push(other.hash());
        };
        with(|it| it.name = "agents".into());
        with(|it| it.scopes = [Scope::EventsRead].into());
        with(|it| it.roles = ["emitter".to_owned()].into());
        with(|it| it.workspace = Some("a".parse().unwrap()));
        with(|it| it.certificate_names = ["agent.acme".to_owned()].into());
        assert_eq!(agent().hash(), hashes[0]);
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 6);
    }
}
