//! Whether one greedy sender can make the others wait: a polite one among polite ones, and beside
//! one that sends as much as all of them, as fast as it can, over as many connections as it likes.

use std::{path::PathBuf, process::Child, time::Duration};

use anyhow::{Context, Result};

use super::Rig;
use crate::{
    bench::{
        Outcome, Scenario, Settings, figures,
        measure::{Rounds, median_of},
        rig::{self, Database, Pace, Post, Server, Told},
    },
    table::Table,
};

/// The scenario.
pub(crate) struct Fairness;

/// The polite sender: single events at this rate over so many connections.
const RATE: f64 = 400.0;
const CONNECTIONS: usize = 4;
/// Others like it, who send together what the greedy one got through.
const OTHERS: usize = 8;
/// The greedy one is refused and comes again after this, whatever it is told.
const RETRY: &str = "--retry-ms=20";

/// A way to be greedy.
struct Flood {
    name: &'static str,
    connections: usize,
    batch: usize,
    /// How the others send the same, each on its own connections.
    others_connections: usize,
    others_batch: usize,
}

const FLOODS: &[Flood] = &[
    Flood {
        name: "single events over 256 connections",
        connections: 256,
        batch: 0,
        others_connections: 8,
        others_batch: 0,
    },
    Flood {
        name: "batches of 5,000 over 8 connections",
        connections: 8,
        batch: 5000,
        others_connections: 2,
        others_batch: 100,
    },
];

/// One round of one flood.
struct Turn {
    alone: Polite,
    beside_polite: Polite,
    beside_greedy: Polite,
    greedy_rate: f64,
    others_rate: f64,
    refusals: u64,
}

/// What the polite sender met.
#[derive(Clone, Copy)]
struct Polite {
    p50_s: f64,
    p99_s: f64,
}

impl Scenario for Fairness {
    fn name(&self) -> &'static str {
        "fairness"
    }

    fn about(&self) -> &'static str {
        "a polite sender among polite ones, and beside a greedy one that sends as much"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        let rig = Rig::start(settings, None)?;
        rig.token("polite", "events:write")?;
        rig.token("greedy", "events:write")?;
        let others = (0..OTHERS)
            .map(|nth| rig.token(&format!("other-{nth}"), "events:write"))
            .collect::<Result<Vec<_>>>()?;
        let mut table = Table::new(["polite sender", "p50", "p99", "the others' rate"]);
        let mut ratios = Table::new(["", "found", "wanted"]);
        for flood in FLOODS {
            let turns = (0..rounds.count())
                .map(|_| turn(&rig, flood, &others))
                .collect::<Result<Vec<_>>>()
                .context(flood.name)?;
            rows(&mut table, flood, &turns);
            let ratio = median_of(&turns, |one| {
                one.beside_greedy.p99_s / one.beside_polite.p99_s
            });
            ratios.row([
                format!("p99 beside greedy / among polite, {}", flood.name),
                figures::ratio(ratio),
                "at most 1.20".into(),
            ]);
        }
        let how = format!(
            "A sender with a token of its own, {RATE} single events a second over {CONNECTIONS} \
             connections: alone, among {OTHERS} senders who send together at the rate that the \
             greedy one got through, and beside the greedy one, which comes again 20 ms after it \
             is refused whatever it is told. Each {} s without counting, then {} s on an empty \
             database; medians of {} rounds.",
            rig.pace.warm.as_secs_f64(),
            rig.pace.window.as_secs_f64(),
            rounds.count(),
        );
        Ok(Outcome {
            how,
            table,
            more: vec![("In comparison:".into(), ratios)],
        })
    }
}

fn rows(table: &mut Table, flood: &Flood, turns: &[Turn]) {
    #[expect(clippy::cast_precision_loss, reason = "a count of refusals")]
    let refusals = median_of(turns, |one| one.refusals as f64);
    let rate = |of: fn(&Turn) -> f64| figures::rate(median_of(turns, of));
    let mut row = |name: String, of: fn(&Turn) -> Polite, rate: String| {
        let p50 = figures::time(median_of(turns, |one| of(one).p50_s));
        let p99 = figures::time(median_of(turns, |one| of(one).p99_s));
        table.row([name, p50, p99, rate]);
    };
    row("alone".into(), |one| one.alone, "-".into());
    row(
        "among polite ones".into(),
        |one| one.beside_polite,
        rate(|one| one.others_rate),
    );
    row(
        format!("beside greedy: {} ({refusals:.0} refusals)", flood.name),
        |one| one.beside_greedy,
        rate(|one| one.greedy_rate),
    );
}

/// Alone, beside the greedy one, and among others at its rate: each on a database of its own.
fn turn(rig: &Rig, flood: &Flood, others: &[PathBuf]) -> Result<Turn> {
    let (alone, _) = beside(rig, None)?;
    let (beside_greedy, greedy) = beside(
        rig,
        Some(&|server: &Server| {
            start(
                rig,
                server,
                (flood.connections, flood.batch),
                vec![rig.token_file("greedy")],
                vec![RETRY.into()],
            )
        }),
    )?;
    let greedy = greedy.context("there was a greedy one")?;
    let greedy_rate = greedy.window()?.rate();
    let (beside_polite, polite) = beside(
        rig,
        Some(&|server: &Server| {
            start(
                rig,
                server,
                (flood.others_connections * OTHERS, flood.others_batch),
                others.to_vec(),
                vec![format!("--rate={greedy_rate}"), RETRY.into()],
            )
        }),
    )?;
    let polite = polite.context("there were polite ones")?;
    let turn = Turn {
        alone,
        beside_polite,
        beside_greedy,
        greedy_rate,
        others_rate: polite.window()?.rate(),
        refusals: greedy.refusals(),
    };
    eprintln!(
        "   {}: p99 alone {}, among polite {} at {}, beside greedy {} at {}",
        flood.name,
        figures::time(turn.alone.p99_s),
        figures::time(turn.beside_polite.p99_s),
        figures::rate(turn.others_rate),
        figures::time(turn.beside_greedy.p99_s),
        figures::rate(turn.greedy_rate),
    );
    Ok(turn)
}

/// Somebody else's load on a server, begun.
type Load<'a> = dyn Fn(&Server) -> Result<Child> + 'a;

/// What the polite sender meets beside somebody else's load.
fn beside(rig: &Rig, load: Option<&Load<'_>>) -> Result<(Polite, Option<Told>)> {
    let database = rig.database()?;
    let server = Server::start(rig, &database)?;
    let other = load.map(|load| load(&server)).transpose()?;
    let polite = Post {
        tokens: vec![rig.token_file("polite")],
        more: vec![format!("--rate={RATE}"), "--first-cycle=2000000".into()],
        ..Post::new(rig, &server, CONNECTIONS)
    };
    let polite = polite.run(rig)?;
    polite.clean().context("the polite sender was refused")?;
    let other = other.map(rig::finish).transpose()?;
    server.stop();
    check(&database, &polite, other.as_ref())?;
    let window = polite.window()?;
    let met = Polite {
        p50_s: window.p50_s,
        p99_s: window.p99_s,
    };
    Ok((met, other))
}

/// Nothing is lost beside a flood either, and nobody meets anything but refusals.
fn check(database: &Database<'_>, polite: &Told, other: Option<&Told>) -> Result<()> {
    let more = other.map_or(0, |other| other.acknowledged);
    database.holds_more(polite.acknowledged + more)?;
    other.map_or(Ok(()), Told::only_refused)
}

/// Begins a load that lasts a little longer than the polite sender's, on both sides.
fn start(
    rig: &Rig,
    server: &Server,
    (connections, batch): (usize, usize),
    tokens: Vec<PathBuf>,
    more: Vec<String>,
) -> Result<Child> {
    let post = Post {
        batch,
        tokens,
        more,
        pace: Pace {
            window: rig.pace.window + Duration::from_millis(500),
            ..rig.pace
        },
        ..Post::new(rig, server, connections)
    };
    post.start(rig)
}
