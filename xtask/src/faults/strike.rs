//! Carries out what the schedule says, and measures how long everything takes to be well again.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    cluster::Cluster,
    pressure,
    schedule::{Fault, Step},
    server::{Clock, Server},
    writer::{World, Writer, wait_until},
};

/// From the start of a server until it stores events.
const SERVER_BOUND: Duration = Duration::from_secs(2);
/// From when the database can be used again until events are stored.
const DATABASE_BOUND: Duration = Duration::from_secs(3);
/// What is not well by then is not waited for.
const GIVE_UP: Duration = Duration::from_secs(20);

/// What PostgreSQL says of a full disk.
const NO_SPACE: &str = "No space left on device";

/// The longest times that it took to be well again.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Recovery {
    pub(super) server: Duration,
    pub(super) database: Duration,
}

/// All that a fault can be done to.
pub(super) struct Arena<'a> {
    pub(super) world: &'a World,
    pub(super) cluster: &'a mut Cluster,
    pub(super) servers: &'a mut Vec<Server>,
    pub(super) clock: Option<Clock>,
    /// Writes events to see that they are stored.
    pub(super) probe: Writer<'a>,
    /// What the floods sent.
    pub(super) floods: Vec<super::ledger::Ledger>,
    pub(super) recovery: Recovery,
    /// What happened when, for whoever reads about a failure.
    pub(super) story: Vec<String>,
    pub(super) began: Instant,
}

impl Arena<'_> {
    /// Carries out one step; returns when all is well again.
    pub(super) fn strike(&mut self, step: &Step) -> Result<()> {
        thread::sleep(step.before);
        let fault = step.fault;
        let with = if step.and_a_server {
            ", and a server"
        } else {
            ""
        };
        self.note(&format!("{fault} for {:?}{with}", step.lasts));
        match fault {
            Fault::Server => self.kill_servers(step, self.servers.len() > 1 && step.twist & 1 == 1),
            Fault::Pair => self.kill_servers(step, false),
            Fault::Database => self.kill_database(step),
            Fault::Pause => self.pause(step),
            Fault::Connections => self.hold_connections(step),
            Fault::Disk => self.fill_disk(step),
            Fault::Clock => self.jump(step),
            Fault::Backend => {
                let ended = self.cluster.terminate(step.twist & 1 == 1)?;
                self.note(&format!("ended {ended} connections"));
                self.well_again("a backend", Instant::now(), DATABASE_BOUND)
            }
        }
        .with_context(|| format!("after the fault `{fault}`"))
    }

    fn kill_servers(&mut self, step: &Step, all: bool) -> Result<()> {
        let chosen = self.chosen(step);
        let killed: Vec<usize> = if all {
            (0..self.servers.len()).collect()
        } else {
            vec![chosen]
        };
        for &server in &killed {
            self.servers[server].kill();
        }
        // Those that live must not notice.
        for server in 0..self.servers.len() {
            if !killed.contains(&server) {
                let asked = Instant::now();
                self.servers[server].ready(GIVE_UP)?;
                self.measure("the other server", asked, SERVER_BOUND);
            }
        }
        thread::sleep(step.lasts);
        let started = Instant::now();
        for &server in &killed {
            self.servers[server].start()?;
        }
        self.well_again("a server", started, SERVER_BOUND)
    }

    fn kill_database(&mut self, step: &Step) -> Result<()> {
        let how = step.twist % 3;
        if how == 2 {
            let killed = self.cluster.kill_one(step.twist / 3)?;
            self.note(&format!("killed one of its processes: {killed}"));
        } else {
            self.cluster.kill(how == 0);
            let what = if how == 0 {
                "all of it"
            } else {
                "its first process"
            };
            self.note(&format!("killed {what}"));
        }
        self.meanwhile(step)?;
        thread::sleep(step.lasts);
        if how != 2 {
            self.cluster.start()?;
        }
        self.database_is_back()
    }

    fn pause(&mut self, step: &Step) -> Result<()> {
        let wave = pressure::Wave::new(self.world, self.floods.len());
        self.cluster.freeze();
        self.meanwhile(step)?;
        let thaw = || self.cluster.thaw();
        let flood = pressure::flood(self.world, wave, step.lasts, &thaw);
        let thawed = flood.thawed;
        self.note(&flood.told);
        self.floods.push(flood.ledger);
        self.well_again("a pause", thawed, DATABASE_BOUND + flood.drained)
    }

    fn hold_connections(&mut self, step: &Step) -> Result<()> {
        let begun = Instant::now();
        let mut held = Vec::new();
        let mut without = false;
        let mut server_killed = false;
        while begun.elapsed() < step.lasts || !without {
            self.cluster.terminate(true)?;
            held.extend(self.cluster.hold());
            without = self.cluster.in_use()? == 0;
            if without && !server_killed {
                server_killed = true;
                self.meanwhile(step)?;
            }
            if begun.elapsed() > GIVE_UP {
                bail!("the service keeps a connection, whatever is done");
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.note(&format!("held {} connections", held.len()));
        drop(held);
        self.well_again("held connections", Instant::now(), DATABASE_BOUND)
    }

    fn fill_disk(&mut self, step: &Step) -> Result<()> {
        let before = self.cluster.said(NO_SPACE);
        let ground = self.cluster.ground.as_ref();
        ground.context("no disk of its own")?.fill()?;
        let begun = Instant::now();
        // Until it is felt, and then for as long as it shall last.
        let felt = wait_until(GIVE_UP, || self.cluster.said(NO_SPACE) > before);
        if !felt {
            self.world.complain("the full disk was never felt".into());
        }
        let after = begun.elapsed();
        self.cluster.overflow();
        self.meanwhile(step)?;
        thread::sleep(step.lasts);
        let ran = self.cluster.runs();
        self.note(&format!(
            "felt after {after:?}; the database stayed up: {ran}"
        ));
        self.cluster.ground.as_ref().context("its disk")?.clear()?;
        if !self.cluster.runs() {
            self.cluster.start()?;
        }
        self.database_is_back()
    }

    fn jump(&mut self, step: &Step) -> Result<()> {
        let clock = self.clock.clone().context("no clock to set")?;
        let hours = 1 + i64::try_from(step.twist % 30)?;
        let (first, second) = if step.twist & 1 == 1 {
            (1, -1)
        } else {
            (-1, 1)
        };
        for direction in [first, second] {
            let offset_s = direction * hours * 3_600;
            clock.set(offset_s)?;
            self.note(&format!("the clock is off by {offset_s} s"));
            self.well_again("a jump of the clock", Instant::now(), SERVER_BOUND)?;
            thread::sleep(step.lasts / 2);
        }
        clock.set(0)
    }

    /// A server is killed and started again while something else is not well: it must wait for it.
    fn meanwhile(&mut self, step: &Step) -> Result<()> {
        if !step.and_a_server {
            return Ok(());
        }
        let chosen = self.chosen(step);
        self.servers[chosen].kill();
        self.servers[chosen].start()
    }

    fn chosen(&self, step: &Step) -> usize {
        usize::try_from(step.twist >> 8).unwrap_or(0) % self.servers.len()
    }

    fn database_is_back(&mut self) -> Result<()> {
        if !wait_until(GIVE_UP, || self.cluster.accepts()) {
            bail!("PostgreSQL takes no connections");
        }
        self.well_again("the database", Instant::now(), DATABASE_BOUND)
    }

    /// Waits until every server says that it is ready and stores an event, and measures that.
    fn well_again(&mut self, after: &str, since: Instant, bound: Duration) -> Result<()> {
        for server in 0..self.servers.len() {
            self.servers[server].ready(GIVE_UP)?;
            self.probe.probe(server);
        }
        self.measure(after, since, bound);
        Ok(())
    }

    fn measure(&mut self, after: &str, since: Instant, bound: Duration) {
        let took = since.elapsed();
        self.note(&format!("well again {took:.2?} after {after}"));
        let longest = if bound == SERVER_BOUND {
            &mut self.recovery.server
        } else {
            &mut self.recovery.database
        };
        *longest = took.max(*longest);
        if took > bound {
            self.world.complain(format!(
                "well again only {took:.2?} after {after}; expected within {bound:?}"
            ));
        }
    }

    fn note(&mut self, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        self.story.push(format!("{at:7.2} s  {what}"));
    }
}
