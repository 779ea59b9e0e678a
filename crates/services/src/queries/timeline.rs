//! What was so at some moment, and what cannot have been so.

use std::collections::{BTreeMap, HashSet};

use pts_api::actions::timeline::{
    CompareMoments, CompareMomentsInput, Comparison, ListContradictions, ListContradictionsInput,
    RanAt, RunChange, WhatRanAt, WhatRanAtInput,
};
use pts_domain::projection::{Contradiction, Liveness, Run, RunKind};
use pts_domain::{FieldError, Timestamp};
use pts_ports::RunQuery;

use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many runs an answer holds.
const MOST_RUNS: usize = 10_000;

impl UseCase<WhatRanAt> for Gateway {
    async fn run(&self, input: WhatRanAtInput) -> Result<Found<RanAt>, ActionError> {
        let now = self.now();
        let time = input.time.as_ref().map_or(now, |time| time.resolve(now));
        let query = RunQuery {
            kind: None,
            service: input.service,
            environment: input.environment,
            image_names: Vec::new(),
            at: Some(time),
        };
        let mut runs = self.projections.runs(&query, MOST_RUNS).await?;
        let cut = runs.len() == MOST_RUNS;
        runs.sort_by(|a, b| place(a).cmp(&place(b)));
        let (declared, observed): (Vec<_>, Vec<_>) = runs
            .into_iter()
            .partition(|run| run.kind == RunKind::Declared);
        let question = Question::state_at(time, &["deployment.*", "service.*"])
            .of(query.service.as_ref(), query.environment.as_ref());
        let ran = RanAt {
            time,
            declared,
            observed,
        };
        let mut answer = found(ran, question);
        if cut {
            answer
                .warnings
                .push(format!("only the newest {MOST_RUNS} runs are shown"));
        }
        let silent = self.silent(&answer.data.observed).await?;
        if !silent.is_empty() {
            answer.warnings.push(format!(
                "fell silent without saying that they ended, so whether they ran is not known: {}",
                silent.join(", ")
            ));
        }
        if time > now {
            answer
                .warnings
                .push("the moment lies ahead: this is what runs now".to_owned());
        }
        Ok(answer)
    }

    fn is_heavy(_input: &WhatRanAtInput) -> bool {
        true
    }
}

/// How many instances are looked at, and how many are named in a warning.
const MOST_INSTANCES: usize = 10_000;
const MOST_NAMED: usize = 20;

impl Gateway {
    /// Instances whose run is open only because they never said that they ended.
    async fn silent(&self, observed: &[Run]) -> Result<Vec<String>, ActionError> {
        let open = || observed.iter().filter(|run| run.to.is_none());
        let mut services: Vec<_> = open().map(|run| run.service.clone()).collect();
        services.dedup();
        if services.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let instances = self.projections.instances(services, MOST_INSTANCES).await?;
        let opened: HashSet<_> = open().map(|run| run.opened_position).collect();
        let silent = instances.into_iter().filter(|instance| {
            instance.liveness(now) == Liveness::Silent
                && instance
                    .run
                    .as_ref()
                    .is_some_and(|run| opened.contains(&run.opened_position))
        });
        let names = silent.map(|i| format!("{}/{}/{}", i.service, i.environment, i.instance));
        Ok(names.take(MOST_NAMED).collect())
    }
}

fn place(run: &Run) -> (&str, &str, Option<&String>) {
    (&run.service, &run.environment, run.instance.as_ref())
}

impl UseCase<CompareMoments> for Gateway {
    async fn run(&self, input: CompareMomentsInput) -> Result<Found<Comparison>, ActionError> {
        let now = self.now();
        let (from, to) = moments(self, &input)?;
        let question = Question::between(from, to, &["deployment.*"])
            .of(input.service.as_ref(), input.environment.as_ref());
        let query = RunQuery {
            kind: Some(RunKind::Declared),
            service: input.service,
            environment: input.environment,
            image_names: Vec::new(),
            at: Some(from),
        };
        let before = self.projections.runs(&query, MOST_RUNS).await?;
        let query = RunQuery {
            at: Some(to),
            ..query
        };
        let after = self.projections.runs(&query, MOST_RUNS).await?;
        let cut = before.len() == MOST_RUNS || after.len() == MOST_RUNS;
        let (changes, same) = compare(before, after);
        let comparison = Comparison {
            from,
            to,
            changes,
            same,
        };
        let mut answer = found(comparison, question);
        if cut {
            let warning = format!("only the newest {MOST_RUNS} runs of each moment are compared");
            answer.warnings.push(warning);
        }
        if to > now {
            let warning = "the later moment lies ahead: this is what runs now";
            answer.warnings.push(warning.to_owned());
        }
        Ok(answer)
    }

    fn is_heavy(_input: &CompareMomentsInput) -> bool {
        true
    }
}

/// Both moments; refused when they are the wrong way round.
fn moments(
    gateway: &Gateway,
    input: &CompareMomentsInput,
) -> Result<(Timestamp, Timestamp), ActionError> {
    let now = gateway.now();
    let (from, to) = (
        input.from.resolve(now),
        input.to.as_ref().map_or(now, |to| to.resolve(now)),
    );
    if to < from {
        let expected = format!("a moment not before `from` ({})", from.to_rfc3339());
        let error = FieldError::invalid("to", to.to_rfc3339(), expected);
        return Err(ActionError::Invalid(vec![error]));
    }
    Ok((from, to))
}

/// What differs, and how much does not.
fn compare(before: Vec<Run>, after: Vec<Run>) -> (Vec<RunChange>, usize) {
    let mut places: BTreeMap<(String, String), (Option<Run>, Option<Run>)> = BTreeMap::new();
    let key = |run: &Run| (run.service.clone(), run.environment.clone());
    for run in before {
        let place = key(&run);
        places.entry(place).or_default().0 = Some(run);
    }
    for run in after {
        let place = key(&run);
        places.entry(place).or_default().1 = Some(run);
    }
    let all = places.len();
    // The same run, not only the same version: one that was brought again is another.
    let opened = |run: &Option<Run>| run.as_ref().map(|run| run.opened_position);
    let changes: Vec<_> = places
        .into_iter()
        .filter(|(_, (before, after))| opened(before) != opened(after))
        .map(|((service, environment), (before, after))| RunChange {
            service,
            environment,
            before,
            after,
        })
        .collect();
    let same = all - changes.len();
    (changes, same)
}

impl UseCase<ListContradictions> for Gateway {
    async fn run(
        &self,
        input: ListContradictionsInput,
    ) -> Result<Found<Vec<Contradiction>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let question = Question::present(self.now(), &[]);
        let found = self.log.contradictions(input.about, cursor, limit).await?;
        Ok(page(found, question, |contradiction| contradiction))
    }
}
