//! Entries as they stand in the table. Read for a search, one that makes no sense is a fault of the
//! store; read to be verified, it is what is looked for.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz, Uuid};
use pts_domain::Timestamp;
use pts_domain::audit::{Actor, ActorKind, Effect, Entry, Hash, Outcome, Record, Stored};

use crate::error::Fault;

/// The columns of a [`Row`].
pub(super) const COLUMNS: &str = "sequence, id, at, last_at, times, actor_kind, actor_id, actor_name, \
     subject, action, input, effect, outcome, reason, request_id, address, workspace, intent, \
     previous, hash";

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = BigInt)]
    pub(super) sequence: i64,
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    last_at: Timestamp,
    #[diesel(sql_type = BigInt)]
    times: i64,
    #[diesel(sql_type = Text)]
    actor_kind: String,
    #[diesel(sql_type = Nullable<Uuid>)]
    actor_id: Option<uuid::Uuid>,
    #[diesel(sql_type = Text)]
    actor_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    subject: Option<String>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<Bytea>)]
    input: Option<Vec<u8>>,
    #[diesel(sql_type = Text)]
    effect: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    workspace: Option<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    intent: Option<uuid::Uuid>,
    #[diesel(sql_type = Bytea)]
    previous: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

impl Row {
    fn record(self) -> Option<Record> {
        let input = match self.input {
            Some(input) => Some(Hash::of_bytes(&input)?),
            None => None,
        };
        let address = match self.address {
            // Spelt in another way it would be another text.
            Some(text) => Some(
                text.parse()
                    .ok()
                    .filter(|ip: &std::net::IpAddr| ip.to_string() == text)?,
            ),
            None => None,
        };
        Some(Record {
            id: self.id,
            at: self.at,
            last_at: self.last_at,
            times: u64::try_from(self.times).ok()?,
            actor: Actor {
                kind: ActorKind::named(&self.actor_kind)?,
                id: self.actor_id,
                name: self.actor_name,
                subject: self.subject,
            },
            action: self.action,
            input,
            effect: Effect::named(&self.effect)?,
            outcome: Outcome::named(&self.outcome)?,
            reason: self.reason,
            request_id: self.request_id,
            address,
            workspace: self.workspace,
            intent: self.intent,
        })
    }
}

impl From<Row> for Stored {
    fn from(row: Row) -> Self {
        Self {
            sequence: row.sequence,
            previous: Hash::of_bytes(&row.previous),
            hash: Hash::of_bytes(&row.hash),
            record: row.record(),
        }
    }
}

impl TryFrom<Row> for Entry {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        match row.into() {
            Stored {
                sequence,
                previous: Some(previous),
                hash: Some(hash),
                record: Some(record),
            } => Ok(Self {
                sequence,
                previous,
                hash,
                record,
            }),
            Stored { sequence, .. } => Err(Fault::Corrupt(format!(
                "audit entry {sequence} makes no sense: `pts-server audit verify` tells more"
            ))),
        }
    }
}
