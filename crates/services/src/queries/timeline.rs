//! What was so at some moment, and what cannot have been so.

use std::collections::HashSet;

use pts_api::actions::timeline::{
    ListContradictions, ListContradictionsInput, RanAt, WhatRanAt, WhatRanAtInput,
};
use pts_domain::projection::{Contradiction, Liveness, Run, RunKind};
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
