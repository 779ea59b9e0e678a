//! What became of everything that was sent.

use pts_domain::access::Scope;
use pts_domain::accounting::{Counts, Line};
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_accounting_action {
    ($each:ident) => {
        $each!(answer $crate::actions::accounting::GetAccounting);
    };
}

/// `platform.accounting.get`
pub struct GetAccounting;

/// Whose account is wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetAccountingInput {
    /// From the day (UTC) of this moment.
    pub since: Option<Moment>,
    /// Up to the day (UTC) of this moment; up to midnight is up to the day before.
    pub until: Option<Moment>,
    /// What came with this token, by its id.
    pub token: Option<Uuid>,
    /// What came under this source.
    pub source: Option<String>,
    /// At most so many rows, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
}

/// What became of what was received: received = stored + repeated + quarantined + refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Events that were received.
    pub received: u64,
    /// Of these, in the log, or removed from it by retention since.
    pub stored: u64,
    /// There already when they came.
    pub repeated: u64,
    /// Not valid, and put aside.
    pub quarantined: u64,
    /// Not taken: a conflict, an overload, a store that was away, or not valid and no room.
    pub refused: u64,
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        Self {
            received: counts.received(),
            stored: counts.stored,
            repeated: counts.repeated,
            quarantined: counts.quarantined,
            refused: counts.refused,
        }
    }
}

/// The account of one token and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRow {
    /// The token's id; null for what was stored before tokens were remembered.
    pub token: Option<Uuid>,
    /// The source; `(unknown)` for what does not say, `(other)` for what was too much to tell apart.
    pub source: String,
    /// What became of it.
    #[serde(flatten)]
    pub tally: Tally,
}

impl From<Line> for AccountRow {
    fn from(line: Line) -> Self {
        Self {
            token: line.sender,
            source: line.source,
            tally: line.counts.into(),
        }
    }
}

/// What became of everything that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountReport {
    /// Of all of it, rows beyond the limit too.
    pub totals: Tally,
    /// By token and source, those that sent most first.
    pub rows: Vec<AccountRow>,
}

impl Action for GetAccounting {
    const NAME: &'static str = "platform.accounting.get";
    const SUMMARY: &'static str = "Tell what became of everything that was sent";
    const DESCRIPTION: &'static str = "By token and source, in whole days (UTC). What is received \
        is always the sum of what is stored, repeated, quarantined and refused. What is stored is \
        counted from the log itself and exact at any time. A quarantined event that is replayed is \
        counted as stored (or repeated) from then on.";
    // Numbers about senders, and nothing of what they sent: for whoever reads `/metrics`.
    const SCOPE: Scope = Scope::MetricsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/accounting";
    type Input = GetAccountingInput;
    type Output = AccountReport;

    fn example() -> Value {
        json!({ "since": "7d", "source": "ci" })
    }
}
