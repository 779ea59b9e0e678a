//! What happens in a run, worked out from its seed alone: which faults, in which order, how long
//! each lasts, and how many servers there are to suffer it.

use std::{fmt, str::FromStr, time::Duration};

use super::chance::Chance;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A server is killed and started again.
    Server,
    /// The database is killed, all of it or only its first process, and recovers.
    Database,
    /// The database stands still, and goes on.
    Pause,
    /// Somebody else holds all connections that there are.
    Connections,
    /// The database's disk is full.
    Disk,
    /// The clock jumps, forward and back.
    Clock,
    /// One of two servers on the same database is killed while the other goes on.
    Pair,
    /// Connections of the service are ended by the database.
    Backend,
}

impl Fault {
    /// Every fault, in the order in which seeds take turns with them.
    pub(super) const ALL: [Self; 8] = [
        Self::Server,
        Self::Database,
        Self::Pair,
        Self::Disk,
        Self::Pause,
        Self::Connections,
        Self::Clock,
        Self::Backend,
    ];

    /// As it is named on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "database",
            Self::Pause => "pause",
            Self::Connections => "connections",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Pair => "pair",
            Self::Backend => "backend",
        }
    }

    /// For whoever asks what there is.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Server => "pts-server is killed (SIGKILL) and started again",
            Self::Database => "PostgreSQL is killed (SIGKILL) and recovers",
            Self::Pause => "PostgreSQL stands still (SIGSTOP) and goes on",
            Self::Connections => "all of PostgreSQL's connections are held by somebody else",
            Self::Disk => "PostgreSQL's disk is full, then has room again (needs mount)",
            Self::Clock => "the server's clock jumps hours forward and back (needs libfaketime)",
            Self::Pair => "one of two servers on one database is killed while the other goes on",
            Self::Backend => "connections of the service are ended by the database",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|fault| fault.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no fault; there are {names}")
        })
    }
}

/// One fault of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// For so long all is well before it.
    pub(super) before: Duration,
    pub(super) fault: Fault,
    /// For so long it lasts.
    pub(super) lasts: Duration,
    /// A server is killed and started again while it lasts.
    pub(super) and_a_server: bool,
    /// Decides what the fault leaves open: which server, which processes, how far the clock jumps.
    pub(super) twist: u64,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) servers: usize,
    pub(super) steps: Vec<Step>,
    /// Whether the database's own log shares the disk that fills up. It then goes down with it;
    /// otherwise it stays up and takes no rows.
    pub(super) log_on_the_disk: bool,
}

/// How runs are to be.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    /// How long the faults of one run take, about.
    pub(super) takes: Duration,
    /// What may happen.
    pub(super) faults: Vec<Fault>,
    /// Whether the database stands still for half a minute at a time.
    pub(super) long: bool,
}

/// A fault is felt while others still get over the one before only if there are some.
const LEAST_STEPS: usize = 2;

impl Plan {
    /// The run of a seed. As many seeds in a row as there are faults try every fault at least once.
    pub(super) fn new(seed: u64, wishes: &Wishes) -> Self {
        let mut chance = Chance::new(seed, 0);
        let faults = &wishes.faults;
        let mut steps: Vec<Step> = Vec::new();
        let mut planned = Duration::ZERO;
        while steps.len() < LEAST_STEPS || planned < wishes.takes {
            let turn = usize::try_from(seed % faults.len() as u64).unwrap_or(0);
            let fault = if steps.is_empty() {
                faults[turn]
            } else {
                faults[chance.index(faults.len())]
            };
            let step = step(fault, wishes.long, &mut chance);
            // Getting over it takes time, too.
            planned += step.before + step.lasts + Duration::from_millis(500);
            steps.push(step);
        }
        let needs_two = steps.iter().any(|step| step.fault == Fault::Pair);
        Self {
            seed,
            servers: if needs_two || chance.percent(25) {
                2
            } else {
                1
            },
            steps,
            log_on_the_disk: chance.percent(50),
        }
    }

    /// Whether this fault is part of the run.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.steps.iter().any(|step| step.fault == fault)
    }
}

fn step(fault: Fault, long: bool, chance: &mut Chance) -> Step {
    let lasts = match fault {
        Fault::Pause if long => Duration::from_secs(30),
        Fault::Pause => chance.time(1_500, 2_500),
        Fault::Server | Fault::Pair | Fault::Backend => chance.time(0, 200),
        Fault::Database => chance.time(0, 500),
        Fault::Connections | Fault::Disk | Fault::Clock => chance.time(600, 1_500),
    };
    let outlasts_a_start = matches!(
        fault,
        Fault::Database | Fault::Pause | Fault::Connections | Fault::Disk
    );
    Step {
        before: chance.time(300, 1_200),
        fault,
        lasts,
        and_a_server: chance.percent(25) && outlasts_a_start,
        twist: chance.next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(faults: &[Fault]) -> Wishes {
        Wishes {
            takes: Duration::from_secs(5),
            faults: faults.to_vec(),
            long: false,
        }
    }

    #[test]
    fn a_seed_is_the_same_run_again() {
        let wishes = wishes(&Fault::ALL);
        assert_eq!(Plan::new(3, &wishes), Plan::new(3, &wishes));
        assert_ne!(Plan::new(3, &wishes).steps, Plan::new(11, &wishes).steps);
    }

    #[test]
    fn ten_seeds_in_a_row_try_every_fault() {
        for first in [0, 1, 1_000] {
            let plans: Vec<Plan> = (first..first + 10)
                .map(|seed| Plan::new(seed, &wishes(&Fault::ALL)))
                .collect();
            for fault in Fault::ALL {
                assert!(plans.iter().any(|plan| plan.has(fault)), "{fault}");
            }
        }
    }

    #[test]
    fn only_what_is_wished_for_happens_and_a_pair_is_two() {
        let plan = Plan::new(4, &wishes(&[Fault::Pair]));
        assert_eq!(plan.servers, 2);
        assert!(plan.steps.len() >= LEAST_STEPS);
        assert!(plan.steps.iter().all(|step| step.fault == Fault::Pair));
    }

    #[test]
    fn a_long_run_stops_the_database_for_half_a_minute() {
        let mut wishes = wishes(&[Fault::Pause]);
        wishes.long = true;
        let plan = Plan::new(0, &wishes);
        assert!(
            plan.steps
                .iter()
                .all(|step| step.lasts == Duration::from_secs(30))
        );
    }

    #[test]
    fn faults_are_known_by_their_names() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
        }
        let error = "clocks".parse::<Fault>().expect_err("no such fault");
        assert!(
            error.contains("clocks") && error.contains("clock,"),
            "{error}"
        );
    }
}
