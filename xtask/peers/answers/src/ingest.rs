//! Single events, each by somebody who waits for its acknowledgement, as over HTTP but without it:
//! to the use case; through the gateway, as the events' own route does; and by the action's name, with
//! envelopes. Whichever way, JSON comes in and JSON goes out.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use pts_api::actions::events::AppendEvents;
use pts_api::{Action as _, Call, Done};
use pts_domain::event::Form;
use pts_services::input::Fields;
use pts_services::{CallOptions, Item, ItemOutcome, Mode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::service::{Place, Service};
use crate::{events, order};

/// Take single events in, in turns.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    place: Place,

    /// How often each way has its turn
    #[arg(long, default_value_t = 12)]
    turns: usize,

    /// Events of one turn
    #[arg(long, default_value_t = 4000)]
    events: usize,

    /// Senders at the same time
    #[arg(long, default_value_t = 64)]
    senders: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Gateway,
    Name,
}

impl Way {
    const ALL: [Self; 3] = [Self::Direct, Self::Gateway, Self::Name];

    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Gateway => "gateway",
            Self::Name => "name",
        }
    }

    /// What is sent.
    fn body(self, number: u64) -> Vec<u8> {
        let event = events::json(number);
        match self {
            Self::Direct | Self::Gateway => event,
            Self::Name => format!(
                r#"{{"actionKey":"{}","payload":{{"events":{event}}}}}"#,
                AppendEvents::NAME
            ),
        }
        .into_bytes()
    }
}

struct Run {
    service: Service,
    call_fields: Fields,
}

/// Whom the accounts name where nobody calls.
const NOBODY: Uuid = Uuid::nil();

pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let run = Arc::new(Run {
        service: Service::open(&plan.place).await?,
        call_fields: Fields::of::<Call>(),
    });
    let mut next = 0;
    // The first turns fill caches, and are not told.
    for turn in 0..=plan.turns {
        for way in order::of(Way::ALL, turn) {
            let told = run.turn(way, plan, &mut next).await?;
            if turn > 0 {
                println!("{told}");
            }
        }
    }
    Ok(())
}

impl Run {
    async fn turn(self: &Arc<Self>, way: Way, plan: &Plan, next: &mut u64) -> Result<Value> {
        let first = *next;
        *next += plan.events as u64;
        let bodies: Arc<Vec<Vec<u8>>> = Arc::new((first..*next).map(|n| way.body(n)).collect());
        let taken = Arc::new(AtomicUsize::new(0));
        let mut senders = JoinSet::new();
        let (began, cpu) = (Instant::now(), cpu_s()?);
        for _ in 0..plan.senders {
            let (run, bodies, taken) = (Arc::clone(self), Arc::clone(&bodies), Arc::clone(&taken));
            senders.spawn(async move {
                while let Some(body) = bodies.get(taken.fetch_add(1, Ordering::Relaxed)) {
                    run.send(way, body).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(sent) = senders.join_next().await {
            sent??;
        }
        self.service.gateway.settle().await;
        Ok(json!({
            "way": way.name(),
            "events": plan.events,
            "seconds": began.elapsed().as_secs_f64(),
            "cpu_s": cpu_s()? - cpu,
        }))
    }

    async fn send(&self, way: Way, body: &[u8]) -> Result<()> {
        let answer = match way {
            Way::Direct => receipt(&self.direct(body).await?)?,
            Way::Gateway => receipt(&self.through(body).await?)?,
            Way::Name => self.by_name(body).await?,
        };
        ensure!(!answer.is_empty(), "nothing was answered");
        Ok(())
    }

    async fn direct(&self, body: &[u8]) -> Result<Vec<ItemOutcome>> {
        let gateway = &self.service.gateway;
        let (form, mode) = (Form::Lenient, Mode::Store);
        let items = vec![item(body)?];
        Ok(gateway.ingest_here(NOBODY, items, form, mode).await?)
    }

    async fn through(&self, body: &[u8]) -> Result<Vec<ItemOutcome>> {
        let gateway = &self.service.gateway;
        let caller = self.service.caller().await?;
        let _share = gateway.share(&caller, body.len()).await?;
        let (form, mode) = (Form::Lenient, Mode::Store);
        Ok(gateway
            .ingest(&caller, vec![item(body)?], form, mode)
            .await?)
    }

    async fn by_name(&self, body: &[u8]) -> Result<Vec<u8>> {
        let gateway = &self.service.gateway;
        let caller = self.service.caller().await?;
        let call: Value = serde_json::from_slice(body)?;
        let call: Call = match self.call_fields.read(&call, "the body") {
            Ok(call) => call,
            Err(errors) => bail!("{errors:?}"),
        };
        let options = CallOptions::default();
        let answer = gateway
            .act(&caller, &call.action_key, &call.payload, options)
            .await?;
        ensure!(answer.data["created"] == 1, "not stored: {}", answer.data);
        Ok(serde_json::to_vec(&Done::of(answer, String::new()))?)
    }
}

/// As the events' own route reads it.
fn item(body: &[u8]) -> Result<Item> {
    let body = Arc::new(body.to_vec());
    let value = serde_json::from_slice(&body)?;
    Ok(Item::part(Ok(value), &body, 0..body.len()))
}

fn receipt(outcomes: &[ItemOutcome]) -> Result<Vec<u8>> {
    match outcomes {
        [ItemOutcome::Created(receipt)] => Ok(serde_json::to_vec(receipt)?),
        other => bail!("not stored: {other:?}"),
    }
}

/// What this process has used of the processors so far.
fn cpu_s() -> Result<f64> {
    /// Of the kernel's accounts, on every machine that Linux has these on.
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|one| one.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_by_name_is_a_call() {
        let body: Value = serde_json::from_slice(&Way::Name.body(7)).expect("JSON");
        let call: Call = Fields::of::<Call>()
            .read(&body, "the body")
            .expect("a call");
        assert_eq!(call.action_key, AppendEvents::NAME);
        assert_eq!(call.payload["events"]["id"], "job-7");
    }

    #[test]
    fn the_processors_time_only_grows() {
        let before = cpu_s().expect("accounts");
        assert!(cpu_s().expect("accounts") >= before);
    }
}
