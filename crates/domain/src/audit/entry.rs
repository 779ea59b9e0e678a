//! What is written down of one act: who, what, from where, and how it ended.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Hash;
use crate::access::{Principal, TokenKind};
use crate::{Timestamp, time};

/// Characters that a name, a request's id or the like may have.
const LONGEST_NAME: usize = 255;
/// Characters that a reason may have.
const LONGEST_REASON: usize = 1_000;

/// What an action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Read,
    /// Adds to the record.
    Write,
    /// Changes how the service itself behaves.
    Control,
}

impl Effect {
    /// Every effect there is.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Control];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Control => "control",
        }
    }

    /// The effect of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// How an act ended, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is about to be done; another entry tells how it ended. Without one the process ended first.
    Intended,
    /// It was allowed and done.
    Allowed,
    /// It was not allowed.
    Denied,
    /// It was allowed and did not work: nothing has changed.
    Failed,
    /// It was allowed, and nobody knows whether it was done: its caller went away meanwhile, or the
    /// answer of the store was lost.
    Unknown,
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 5] = [
        Self::Intended,
        Self::Allowed,
        Self::Denied,
        Self::Failed,
        Self::Unknown,
    ];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What kind of actor somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A program or person with a token.
    Bearer,
    /// A person's browser session.
    Session,
    /// A program that shows a certificate.
    Service,
    /// Whoever runs a command on the machine itself and reaches the store without a token.
    Console,
    /// This service itself, as it is configured.
    Itself,
    /// Nobody knows: no token, or one that was refused.
    Unknown,
}

impl ActorKind {
    /// Every kind there is.
    pub const ALL: [Self; 6] = [
        Self::Bearer,
        Self::Session,
        Self::Service,
        Self::Console,
        Self::Itself,
        Self::Unknown,
    ];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session => "session",
            Self::Service => "service",
            Self::Console => "console",
            Self::Itself => "itself",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

impl From<TokenKind> for ActorKind {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Bearer => Self::Bearer,
            TokenKind::Session => Self::Session,
            TokenKind::Service => Self::Service,
        }
    }
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What kind of actor it is.
    pub kind: ActorKind,
    /// The token behind the request.
    pub id: Option<Uuid>,
    /// What that token is called; `console`, `itself` or `unknown` where there is none.
    pub name: String,
    /// The person or account behind it, where that is known.
    pub subject: Option<String>,
}

impl Actor {
    /// Whoever runs a command on the machine itself, by the account that does.
    pub fn console(account: Option<String>) -> Self {
        Self {
            subject: account,
            ..Self::nameless(ActorKind::Console)
        }
    }

    /// This service itself.
    pub fn itself() -> Self {
        Self::nameless(ActorKind::Itself)
    }

    /// Somebody who did not say who they are, or not so that it was believed.
    pub fn unknown() -> Self {
        Self::nameless(ActorKind::Unknown)
    }

    fn nameless(kind: ActorKind) -> Self {
        Self {
            kind,
            id: None,
            name: kind.as_str().to_owned(),
            subject: None,
        }
    }
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        Self {
            kind: principal.kind.into(),
            id: Some(principal.token_id),
            name: principal.name.clone(),
            subject: principal.subject.clone(),
        }
    }
}

/// What is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names the entry; the same record is in the chain once, however often it is handed over.
    pub id: Uuid,
    /// When it happened; for several that are told as one, when the first of them did.
    pub at: Timestamp,
    /// When the last of them did.
    pub last_at: Timestamp,
    /// How many they are; one but for denials that repeat each other.
    pub times: u64,
    /// Who it was.
    pub actor: Actor,
    /// What they did, or tried to, such as `platform.quarantine.discard`.
    pub action: String,
    /// SHA-256 of the input, spelt in one way; see [`super::input_digest`].
    pub input: Option<Hash>,
    /// What the action does to the world.
    pub effect: Effect,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so.
    pub reason: Option<String>,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// Where that came from.
    pub address: Option<IpAddr>,
    /// The workspace that it was about.
    pub workspace: Option<String>,
    /// The id of the entry that told of the intention.
    pub intent: Option<Uuid>,
}

impl Record {
    /// The same as any store takes it: whole microseconds, texts without NUL and of a bounded length.
    pub fn tidy(mut self) -> Self {
        self.at = time::to_micros(self.at);
        self.last_at = time::to_micros(self.last_at).max(self.at);
        self.times = self.times.clamp(1, i64::MAX as u64);
        self.address = self.address.map(|address| address.to_canonical());
        for name in [&mut self.actor.name, &mut self.action] {
            bound(name, LONGEST_NAME);
        }
        let others = [
            &mut self.actor.subject,
            &mut self.request_id,
            &mut self.workspace,
        ];
        for name in others.into_iter().flatten() {
            bound(name, LONGEST_NAME);
        }
        if let Some(text) = &mut self.reason {
            bound(text, LONGEST_REASON);
        }
        self
    }
}

fn bound(text: &mut String, most: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::audit) fn record(n: u32) -> Record {
        let at = Timestamp::from_timestamp_micros(1_772_366_400_000_000 + i64::from(n)).unwrap();
        Record {
            id: Uuid::from_u128(u128::from(n)),
            at,
            last_at: at,
            times: 1,
            actor: Actor {
                kind: ActorKind::Bearer,
                id: Some(Uuid::from_u128(7)),
                name: "alice".into(),
                subject: None,
            },
            action: "platform.quarantine.discard".into(),
            input: Some(Hash([3; 32])),
            effect: Effect::Control,
            outcome: Outcome::Allowed,
            reason: Some("a test".into()),
            request_id: Some(format!("r-{n}")),
            address: Some("192.0.2.7".parse().unwrap()),
            workspace: Some("default".into()),
            intent: None,
        }
    }

    #[test]
    fn a_tidy_record_has_nothing_that_a_store_would_choke_on() {
        let tidy = Record {
            request_id: Some("a\0b".into()),
            reason: Some("é".repeat(5_000)),
            address: Some("::ffff:192.0.2.7".parse().unwrap()),
            times: 0,
            last_at: Timestamp::UNIX_EPOCH,
            ..record(1)
        }
        .tidy();
        assert_eq!(tidy.request_id.as_deref(), Some("a\u{fffd}b"));
        assert_eq!(tidy.reason.as_ref().unwrap().chars().count(), 1_000);
        assert_eq!(tidy.address, record(1).address);
        assert_eq!((tidy.times, tidy.last_at), (1, tidy.at));
        assert_eq!(tidy.clone().tidy(), tidy);
    }

    #[test]
    fn every_name_is_read_back() {
        for one in Effect::ALL {
            assert_eq!(Effect::named(one.as_str()), Some(one));
        }
        for one in Outcome::ALL {
            assert_eq!(Outcome::named(one.as_str()), Some(one));
        }
        for one in ActorKind::ALL {
            assert_eq!(ActorKind::named(one.as_str()), Some(one));
        }
        assert_eq!(Outcome::named("Allowed"), None);
    }
}
