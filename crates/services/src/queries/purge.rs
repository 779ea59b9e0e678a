//! Giving up everything in quarantine that fits: exactly what was seen to wait.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pts_api::Preview;
use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::quarantine::{PurgeQuarantine, PurgeQuarantineInput, PurgeReport};
use pts_domain::access::{Principal, digest};
use pts_domain::filter::patterns;
use pts_domain::quarantine::{Item, State};
use pts_domain::{FieldError, Timestamp, reason};
use pts_ports::QuarantineQuery;
use serde_json::Map;
use uuid::Uuid;

use super::maintenance::{counted, most_affected};
use crate::coverage::{Found, Question, found};
use crate::{ActionError, Foreseen, Gateway, Seen, UseCase};

/// Items that are given up by one call.
const MOST: usize = 10_000;
/// How items are called that do not say whose they are.
const NOBODYS: &str = "(unknown)";

impl UseCase<PurgeQuarantine> for Gateway {
    async fn run(&self, input: PurgeQuarantineInput) -> Result<Found<PurgeReport>, ActionError> {
        let now = self.now();
        let waiting = self.fitting(&input, now).await?;
        self.give_up(input, waiting).await
    }

    async fn preview(
        &self,
        _: &Principal,
        input: &PurgeQuarantineInput,
        as_of: Timestamp,
    ) -> Result<Option<Foreseen>, ActionError> {
        read_reason(input)?;
        let waiting = self.fitting(input, as_of).await?;
        Ok(Some(Foreseen {
            state: waiting.state(),
            preview: waiting.shown(),
        }))
    }

    async fn run_confirmed(
        &self,
        _: &Principal,
        input: PurgeQuarantineInput,
        seen: &Seen,
    ) -> Result<Found<PurgeReport>, ActionError> {
        let waiting = self.fitting(&input, seen.as_of).await?;
        if waiting.state() != seen.state {
            return Err(ActionError::Conflict {
                code: "changed_meanwhile",
                detail: "what waits is no longer what was shown; nothing was given up".to_owned(),
            });
        }
        self.give_up(input, waiting).await
    }
}

/// What waits and fits, the oldest first.
#[derive(Default)]
struct Waiting {
    items: Vec<Item>,
    /// Whether there is more.
    more: bool,
}

impl Waiting {
    fn ids(&self) -> Vec<Uuid> {
        self.items.iter().map(|item| item.id).collect()
    }

    fn state(&self) -> String {
        let ids = self.items.iter().map(|item| item.id.into_bytes());
        let ids: Vec<u8> = ids.flatten().collect();
        let digest = digest([ids.as_slice()]);
        digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn shown(&self) -> Preview {
        let mut sources = BTreeMap::<&str, u64>::new();
        for item in &self.items {
            let source = item.source.as_deref().unwrap_or(NOBODYS);
            *sources.entry(source).or_default() += 1;
        }
        let count = self.items.len() as u64;
        let bytes: u64 = self.items.iter().map(|item| item.bytes).sum();
        let more = if self.more {
            " More wait that fit."
        } else {
            ""
        };
        let details: Map<_, _> = [("bytes".to_owned(), bytes.into())].into_iter().collect();
        Preview {
            summary: format!(
                "{} would be given up, texts removed.{more}",
                counted(count, "item")
            ),
            rows: Some(count),
            from: self.items.iter().map(|item| item.received_at).min(),
            to: self.items.iter().map(|item| item.received_at).max(),
            affected: most_affected("source", sources),
            reversible: false,
            details,
        }
    }
}

impl Gateway {
    /// What waited at a moment, and still does.
    async fn fitting(
        &self,
        input: &PurgeQuarantineInput,
        as_of: Timestamp,
    ) -> Result<Waiting, ActionError> {
        let until = input.until.as_ref().map(|until| until.resolve(as_of));
        let query = QuarantineQuery {
            ids: Vec::new(),
            sender: input.token,
            source: input.source.clone(),
            types: patterns(&input.types),
            state: Some(State::Waiting),
            since: input.since.as_ref().map(|since| since.resolve(as_of)),
            until: Some(until.map_or(as_of, |until| until.min(as_of))),
            oldest_first: true,
        };
        let (mut waiting, mut cursor) = (Waiting::default(), None);
        while waiting.items.len() < MOST {
            let page = self.quarantine.items(&query, cursor, LARGEST_LIMIT).await?;
            waiting.items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        waiting.more = cursor.is_some();
        Ok(waiting)
    }

    async fn give_up(
        &self,
        input: PurgeQuarantineInput,
        waiting: Waiting,
    ) -> Result<Found<PurgeReport>, ActionError> {
        let why = read_reason(&input)?;
        let mut report = PurgeReport {
            discarded: 0,
            more: waiting.more,
        };
        for ids in waiting.ids().chunks(LARGEST_LIMIT) {
            let now = self.now();
            let gone = self
                .quarantine
                .discard(ids.to_vec(), why.clone(), now)
                .await;
            report.discarded += gone?.len();
        }
        tracing::info!(
            discarded = report.discarded,
            reason = why,
            "quarantined items were purged"
        );
        Ok(found(report, Question::itself()))
    }
}

fn read_reason(input: &PurgeQuarantineInput) -> Result<String, ActionError> {
    let why = reason::read("reason", &input.reason);
    why.map_err(|error: FieldError| ActionError::Invalid(vec![error]))
}
