//! Items as they stand in the table.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text as SqlText, Timestamptz, Uuid};
use pts_domain::Timestamp;
use pts_domain::quarantine::{Item, State, Text, form_named};
use serde_json::Value;

use crate::error::Fault;

/// The columns of a [`Row`], but for the text.
pub(super) const ITEM_COLUMNS: &str = "id, received_at, last_at, times, sender, source, event_type, form, \
     readable, bytes, errors, state, changed_at, replayed_as, reason";

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    last_at: Timestamp,
    #[diesel(sql_type = BigInt)]
    times: i64,
    #[diesel(sql_type = Uuid)]
    sender: uuid::Uuid,
    #[diesel(sql_type = Nullable<SqlText>)]
    source: Option<String>,
    #[diesel(sql_type = Nullable<SqlText>)]
    event_type: Option<String>,
    #[diesel(sql_type = SqlText)]
    form: String,
    #[diesel(sql_type = Bool)]
    readable: bool,
    #[diesel(sql_type = Nullable<SqlText>)]
    item: Option<String>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Jsonb)]
    errors: Value,
    #[diesel(sql_type = SqlText)]
    state: String,
    #[diesel(sql_type = Timestamptz)]
    changed_at: Timestamp,
    #[diesel(sql_type = Nullable<Uuid>)]
    replayed_as: Option<uuid::Uuid>,
    #[diesel(sql_type = Nullable<SqlText>)]
    reason: Option<String>,
}

impl TryFrom<Row> for Item {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let id = row.id;
        let corrupt = |what: &str| Fault::Corrupt(format!("quarantined item {id}: {what}"));
        let readable = row.readable;
        let text = row.item.map(|item| {
            let text = if readable {
                item
            } else {
                serde_json::from_str(&item).map_err(|_| corrupt("its text cannot be read"))?
            };
            Ok(Text { text, readable })
        });
        Ok(Self {
            id,
            received_at: row.received_at,
            last_at: row.last_at,
            times: u64::try_from(row.times).unwrap_or(0),
            sender: row.sender,
            source: row.source,
            event_type: row.event_type,
            form: form_named(&row.form).ok_or_else(|| corrupt("its form is unknown"))?,
            text: text.transpose()?,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            errors: serde_json::from_value(row.errors)
                .map_err(|_| corrupt("its errors cannot be read"))?,
            state: State::named(&row.state).ok_or_else(|| corrupt("its state is unknown"))?,
            changed_at: row.changed_at,
            replayed_as: row.replayed_as,
            reason: row.reason,
        })
    }
}

/// A text as the database takes it: what is no JSON becomes a JSON string, which holds no NUL.
pub(super) fn stored(text: &Text) -> String {
    if text.readable {
        text.text.clone()
    } else {
        Value::from(text.text.as_str()).to_string()
    }
}
