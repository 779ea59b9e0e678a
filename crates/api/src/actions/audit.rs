//! Who did what.

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::audit::{ActorKind, Checkpoint, Entry, Hash, KeyId, Outcome};
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::export::{Export, ExportFormat};
use crate::actions::inputs::search_and_export;
use crate::{Action, Binding, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_audit_action {
    ($each:ident) => {
        $each!(answer $crate::actions::audit::SearchAudit);
        $each!(download $crate::actions::audit::ExportAudit);
        $each!(answer $crate::actions::audit::GetAuditHead);
    };
}

/// Who it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPrincipal {
    /// What kind of actor it is.
    pub kind: ActorKind,
    /// What the token is called; `console`, `itself` or `unknown` where there was none.
    pub name: String,
    /// The token's id.
    pub id: Option<Uuid>,
    /// The person or account behind it, where that is known.
    pub subject: Option<String>,
}

/// One thing that somebody did, or tried to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Its number in the chain; there are no holes.
    pub sequence: i64,
    /// Names it.
    pub id: Uuid,
    /// When it happened; for several that are told as one, when the first did.
    pub at: Timestamp,
    /// When the last of them did.
    pub last_at: Timestamp,
    /// How many they are; one but for denials that repeat each other.
    pub times: u64,
    /// Who it was.
    pub principal: AuditPrincipal,
    /// What they did, such as `platform.quarantine.discard`, `access.sign_in` or `access.authenticate`.
    pub action: String,
    /// What that does to the world.
    pub effect: Effect,
    /// How it ended. What changes something is told twice: as `intended` before it is done, and by how
    /// it ended.
    pub outcome: Outcome,
    /// Why it ended so.
    pub reason: Option<String>,
    /// SHA-256 of the input, its JSON spelt in one way.
    pub input: Option<Hash>,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// Where that came from.
    pub address: Option<String>,
    /// The workspace that it was about.
    pub workspace: Option<String>,
    /// The id of the entry that announced it.
    pub intent: Option<Uuid>,
    /// The hash of the entry before it.
    pub previous: Hash,
    /// Its own hash, which names everything up to it.
    pub hash: Hash,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let record = entry.record;
        Self {
            sequence: entry.sequence,
            id: record.id,
            at: record.at,
            last_at: record.last_at,
            times: record.times,
            principal: AuditPrincipal {
                kind: record.actor.kind,
                name: record.actor.name,
                id: record.actor.id,
                subject: record.actor.subject,
            },
            action: record.action,
            effect: record.effect,
            outcome: record.outcome,
            reason: record.reason,
            input: record.input,
            request_id: record.request_id,
            address: record.address.map(|address| address.to_string()),
            workspace: record.workspace,
            intent: record.intent,
            previous: entry.previous,
            hash: entry.hash,
        }
    }
}

/// `platform.audit.search`
pub struct SearchAudit;

search_and_export! {
    /// Which entries are wanted. Everything that is given must hold.
    pub struct SearchAuditInput;
    /// Which entries are wanted, and how they are written. Everything that is given must hold.
    pub struct ExportAuditInput;
    filter {
        /// By the name of a token, or the person behind it.
        pub principal: Option<String>,
        /// By a token's id.
        pub token: Option<Uuid>,
        /// Actions, any of which will do; `access.*` stands for a family. Repeat it or separate by commas.
        pub action: Vec<String>,
        /// That ended so.
        pub outcome: Option<Outcome>,
        /// About this workspace.
        pub workspace: Option<String>,
        /// That came with this request.
        pub request_id: Option<String>,
        /// Happened at this moment or later.
        pub since: Option<Moment>,
        /// Happened before this moment.
        pub until: Option<Moment>,
    }
}

impl Action for SearchAudit {
    const NAME: &'static str = "platform.audit.search";
    const SUMMARY: &'static str = "List who did what, newest first";
    const DESCRIPTION: &'static str = "Everything that changes how the service behaves, every sign-in and \
        every denial. Denials that repeat each other (the same caller, action, reason and address \
        within a second or so) are one entry with their number. Who is bound to a workspace sees what \
        concerns it.";
    const SCOPE: Scope = Scope::AuditRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/audit";
    type Input = SearchAuditInput;
    type Output = Vec<AuditEntry>;

    fn example() -> Value {
        json!({ "action": ["platform.quarantine.*"], "outcome": "allowed", "since": "30d" })
    }
}

/// `platform.audit.export`
pub struct ExportAudit;

impl Export for ExportAudit {
    fn format(input: &ExportAuditInput) -> Option<ExportFormat> {
        input.format
    }
}

impl Action for ExportAudit {
    const NAME: &'static str = "platform.audit.export";
    const SUMMARY: &'static str = "Export who did what, newest first";
    const DESCRIPTION: &'static str = "Everything that a search with the same filter would page through, \
        in one answer: the audit as it was when the export began. As NDJSON, each line is an entry as a \
        search gives it, and the last line (`{\"end\": true, \"count\": …, \"up_to\": …, \
        \"coverage\": …}`) tells how many there were, and the number of the last entry that may be in it. As CSV (RFC 4180), the columns are sequence, id, \
        at, last_at, times, principal_kind, principal, token, subject, action, effect, outcome, reason, \
        input, request_id, address, workspace, intent, previous, hash, in this order, quoted as in an \
        export of events. An export that cannot go on is broken off: its body then does not end as HTTP \
        says it should, which clients report as an error.";
    const SCOPE: Scope = Scope::AuditRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/audit/export";
    const BINDING: Binding = Binding::Download;
    const MEDIA_TYPES: &'static [&'static str] = &["application/x-ndjson", "text/csv"];
    type Input = ExportAuditInput;
    type Output = AuditEntry;

    fn example() -> Value {
        json!({ "format": "csv", "action": ["platform.*"], "since": "30d" })
    }
}

/// `platform.audit.head`
pub struct GetAuditHead;

/// Nothing can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAuditHeadInput {}

/// Where the chain ends, and what is signed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditHead {
    /// The number of the last entry; 0 where there is none.
    pub sequence: i64,
    /// Its hash.
    pub hash: Hash,
    /// The key that the process that answers signs with, if it does.
    pub key: Option<AuditKey>,
    /// The checkpoint of the last entry that was signed, by any process.
    pub checkpoint: Option<Checkpoint>,
}

/// A key that checkpoints are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditKey {
    /// Its name in checkpoints.
    pub id: KeyId,
    /// The Ed25519 public key, as 64 hex digits: what `pts-server audit verify --public-key` takes.
    pub public_key: String,
}

impl Action for GetAuditHead {
    const NAME: &'static str = "platform.audit.head";
    const SUMMARY: &'static str = "Tell where the audit ends, and what is signed of it";
    const DESCRIPTION: &'static str = "Each entry's hash names everything before it, so whoever keeps \
        this answer can tell later whether anything up to there was changed.";
    const SCOPE: Scope = Scope::AuditRead;
    const EFFECT: Effect = Effect::Read;
    const EVERYWHERE: bool = true;
    const PATH: &'static str = "/v1/audit/head";
    type Input = GetAuditHeadInput;
    type Output = AuditHead;

    fn example() -> Value {
        json!({})
    }
}
