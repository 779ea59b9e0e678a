//! Questions, one after another: to the use case; through the gateway, as an action's own route asks;
//! and by the action's name, with its input as JSON. Without HTTP and without writing the answer out,
//! which whoever calls the use case would have to do as well.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pts_api::Action;
use pts_api::actions::event_types::{ListEventTypes, ListEventTypesInput};
use pts_api::actions::events::{GetEvent, GetEventInput, SearchEvents, SearchInput};
use pts_domain::event::Form;
use pts_services::{CallOptions, Gateway, Item, ItemOutcome, Mode, UseCase};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::service::{Place, Service};
use crate::{events, order};

/// Ask questions, in turns.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    place: Place,

    /// Events that are there to be asked for
    #[arg(long, default_value_t = 100_000)]
    events: u64,

    /// How often each question is asked each way
    #[arg(long, default_value_t = 3000)]
    times: usize,
}

/// Events of one request while the log is filled.
const BATCH: u64 = 1000;
/// Questions that differ.
const QUESTIONS: u64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Gateway,
    Name,
}

pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let service = Service::open(&plan.place).await?;
    let ids = fill(&service.gateway, plan.events).await?;
    let all = (0..QUESTIONS).map(|_| ListEventTypesInput::default());
    ask::<ListEventTypes>(&service, plan, "types", all.collect()).await?;
    let inputs = ids.into_iter().map(|id| GetEventInput { id });
    ask::<GetEvent>(&service, plan, "event", inputs.collect()).await?;
    let searches = (0..QUESTIONS).map(|number| SearchInput {
        types: vec![events::OTHER_TYPE.to_owned()],
        service: Some(events::service(number * 10 + 5)),
        limit: Some(100),
        ..SearchInput::default()
    });
    ask::<SearchEvents>(&service, plan, "search", searches.collect()).await
}

/// Puts events into the log, and returns the ids of some.
async fn fill(gateway: &Gateway, number: u64) -> Result<Vec<Uuid>> {
    let mut ids = Vec::new();
    for first in (0..number).step_by(usize::try_from(BATCH)?) {
        let items = (first..(first + BATCH).min(number)).map(item);
        let items = items.collect::<Result<Vec<Item>>>()?;
        let (form, mode) = (Form::Lenient, Mode::Store);
        let outcomes = gateway
            .ingest_here(Uuid::nil(), items, form, mode)
            .await
            .context("the log could not be filled")?;
        ids.extend(outcomes.first().and_then(|outcome| match outcome {
            ItemOutcome::Created(receipt) => receipt.id,
            _ => None,
        }));
    }
    gateway.settle().await;
    ensure!(!ids.is_empty(), "no event was stored");
    Ok(ids)
}

fn item(number: u64) -> Result<Item> {
    let body = Arc::new(events::json(number).into_bytes());
    let value = serde_json::from_slice(&body)?;
    Ok(Item::part(Ok(value), &body, 0..body.len()))
}

/// Asks one kind of question in all ways, and tells how long each took.
async fn ask<A: Action>(
    service: &Service,
    plan: &Plan,
    read: &str,
    inputs: Vec<A::Input>,
) -> Result<()>
where
    Gateway: UseCase<A>,
    A::Input: Clone + Serialize,
{
    let ways = [Way::Direct, Way::Gateway, Way::Name];
    let mut times: [Vec<f64>; 3] = Default::default();
    // The first hundredth or so fills caches, and is not told.
    let warming = plan.times / 100 + inputs.len();
    for turn in 0..warming + plan.times {
        let input = &inputs[turn % inputs.len()];
        for way in order::of(ways, turn) {
            let us = once::<A>(service, way, input.clone()).await?;
            if turn >= warming {
                times[way as usize].push(us);
            }
        }
    }
    let [direct, gateway, name] = times;
    println!(
        "{}",
        json!({ "read": read, "direct_us": direct, "gateway_us": gateway, "name_us": name })
    );
    Ok(())
}

/// Asks once; in microseconds.
async fn once<A: Action>(service: &Service, way: Way, input: A::Input) -> Result<f64>
where
    Gateway: UseCase<A>,
    A::Input: Serialize,
{
    let gateway = &service.gateway;
    let options = CallOptions::default();
    let payload = serde_json::to_value(&input)?;
    let began = Instant::now();
    match way {
        Way::Direct => {
            let found = <Gateway as UseCase<A>>::run(gateway, input).await?;
            black_box(&found);
        }
        Way::Gateway => {
            let caller = service.caller().await?;
            let answer = gateway.call::<A>(&caller, input, options).await?;
            black_box(&answer);
        }
        Way::Name => {
            let caller = service.caller().await?;
            let answer = gateway.act(&caller, A::NAME, &payload, options).await?;
            black_box(&answer);
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6)
}
