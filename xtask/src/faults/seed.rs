//! One run from beginning to end: everything started, everything struck, everything looked at.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use super::{
    checks,
    cluster::{Cluster, Place},
    ground::Ground,
    ledger::Ledger,
    schedule::{Fault, Plan},
    server::{Clock, Memory, Server},
    strike::{Arena, Recovery},
    tail::Tail,
    writer::{WRITERS, World, Writer},
};

/// How much memory a server may ever have resident.
const MEMORY_BYTES: u64 = 200 << 20;
/// For so long a first start may take: it makes the tables.
const FIRST_START: Duration = Duration::from_secs(20);
/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(100);

/// What all runs share.
pub(super) struct Stage {
    pub(super) program: PathBuf,
    pub(super) template: PathBuf,
    pub(super) directory: PathBuf,
    /// The library that makes clocks jump, where it is installed.
    pub(super) faketime: Option<PathBuf>,
    pub(super) keep: bool,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) acknowledged: usize,
    pub(super) repeated: u64,
    pub(super) refused: u64,
    pub(super) stored: usize,
    pub(super) recovery: Recovery,
    pub(super) memory: u64,
    /// Everything that is wrong.
    pub(super) wrong: Vec<String>,
    pub(super) story: Vec<String>,
    pub(super) took: Duration,
}

/// Runs a plan. What is wrong is in the outcome.
///
/// # Errors
/// When the stage cannot be set: that says nothing about the service.
pub(super) fn run(stage: &Stage, plan: &Plan) -> Result<Outcome> {
    let began = Instant::now();
    let directory = stage.directory.join(format!("seed-{}", plan.seed));
    fs::create_dir_all(&directory)?;
    let ground = plan
        .has(Fault::Disk)
        .then(|| Ground::mount(&directory.join("postgres/disk"), stage.keep))
        .transpose()?;
    let place = Place {
        directory: directory.join("postgres"),
        ground,
        log_on_the_disk: plan.log_on_the_disk,
    };
    let cluster = Cluster::copy(&stage.template, place)?;
    let mut outcome = play(stage, plan, &directory, cluster)?;
    outcome.took = began.elapsed();
    if !stage.keep {
        fs::remove_dir_all(&directory)?;
    }
    Ok(outcome)
}

fn play(stage: &Stage, plan: &Plan, directory: &Path, mut cluster: Cluster) -> Result<Outcome> {
    let clock = clock(stage, plan, directory)?;
    let mut servers = start(stage, plan, directory, &cluster, clock.as_ref())?;
    let addresses: Vec<_> = servers.iter().map(Server::address).collect();
    let world = World::new(plan.seed, addresses, servers[0].token()?);
    let tails: Vec<Tail> = (world.addresses.iter())
        .map(|&address| Tail::new(address, &world.token))
        .collect();

    let mut outcome = Outcome::default();
    let wrong = thread::scope(|scope| -> Result<Vec<String>> {
        let _end = Ended(&world, &tails);
        for tail in &tails {
            scope.spawn(|| tail.read());
        }
        let memories: Vec<_> = servers.iter().map(|server| server.memory.clone()).collect();
        let looked_at = &world;
        scope.spawn(move || sample(&memories, looked_at));
        let writers: Vec<_> = (1..=WRITERS)
            .map(|number| {
                let writer = Writer::new(&world, &format!("writer-{number}"), number);
                scope.spawn(|| writer.write())
            })
            .collect();

        let mut arena = Arena {
            world: &world,
            cluster: &mut cluster,
            servers: &mut servers,
            clock,
            probe: Writer::new(&world, "probe", 100),
            floods: Vec::new(),
            recovery: Recovery::default(),
            story: Vec::new(),
            began: Instant::now(),
        };
        if let Err(error) = plan.steps.iter().try_for_each(|step| arena.strike(step)) {
            world.complain(format!("{error:#}"));
        }
        outcome.recovery = arena.recovery;
        outcome.story = arena.story;
        let mut ledgers = arena.floods;
        ledgers.push(arena.probe.ledger);

        world.finish();
        for writer in writers {
            let written = writer.join();
            ledgers.push(written.map_err(|_| anyhow!("a writer panicked"))?);
        }
        let mut ledger = Ledger::default();
        for other in ledgers {
            ledger.merge(other);
        }
        outcome.acknowledged = ledger.acknowledged();
        outcome.repeated = ledger.repeated;

        let (rows, head) = checks::stored(&cluster).context("the log cannot be read")?;
        outcome.stored = rows.len();
        let mut wrong = checks::log(&ledger, &rows, head, &tails);
        wrong.extend(checks::accounts(&world, &rows));
        Ok(wrong)
    })?;

    outcome.refused = world.refused.load(Ordering::Relaxed);
    outcome.wrong = world.complaints();
    outcome.wrong.extend(wrong);
    close(&mut servers, &mut outcome);
    Ok(outcome)
}

/// The clock that the servers see, where it is to jump.
fn clock(stage: &Stage, plan: &Plan, directory: &Path) -> Result<Option<Clock>> {
    let Some(library) = stage.faketime.clone().filter(|_| plan.has(Fault::Clock)) else {
        return Ok(None);
    };
    let file = directory.join("clock");
    let clock = Clock { library, file };
    clock.set(0)?;
    Ok(Some(clock))
}

/// Starts the servers, one after the other: the first makes the tables.
fn start(
    stage: &Stage,
    plan: &Plan,
    directory: &Path,
    cluster: &Cluster,
    clock: Option<&Clock>,
) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for number in 1..=plan.servers {
        let directory = directory.join(format!("server-{number}"));
        let url = cluster.url();
        let mut server = Server::new(&stage.program, &directory, &url, clock.cloned())?;
        server.start()?;
        server.ready(FIRST_START)?;
        servers.push(server);
    }
    Ok(servers)
}

fn sample(memories: &[Arc<Memory>], world: &World) {
    while !world.is_over() {
        for memory in memories {
            memory.sample();
        }
        thread::sleep(SAMPLE);
    }
}

/// Stops the servers as an operator would, and looks at what they leave.
fn close(servers: &mut [Server], outcome: &mut Outcome) {
    for server in &mut *servers {
        if let Some(status) = server.ended() {
            let what = format!("{} ended by itself ({status})", server.name);
            outcome.wrong.push(what);
        } else if let Err(error) = server.stop() {
            outcome.wrong.push(format!("{error:#}"));
        }
        outcome.memory = outcome.memory.max(server.memory.peak());
    }
    if outcome.memory > MEMORY_BYTES {
        let mib = outcome.memory >> 20;
        let what = format!("{mib} MiB were resident at the most");
        outcome.wrong.push(what);
    }
    outcome.wrong.extend(checks::upkeep(&servers[0]));
    if !outcome.wrong.is_empty() {
        let words = servers.iter().flat_map(Server::last_words);
        outcome.story.extend(words);
    }
}

/// Ends all who take part, however a run ends: they are waited for.
struct Ended<'a>(&'a World, &'a [Tail]);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.is_over_now();
        self.1.iter().for_each(Tail::end);
    }
}
