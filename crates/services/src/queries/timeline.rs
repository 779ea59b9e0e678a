//! What was so at some moment, and what cannot have been so.

use pts_api::Answer;
use pts_api::actions::timeline::{
    ListContradictions, ListContradictionsInput, RanAt, WhatRanAt, WhatRanAtInput,
};
use pts_domain::projection::{Contradiction, Run, RunKind};
use pts_ports::RunQuery;

use crate::coverage::{answer, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many runs an answer holds.
const MOST_RUNS: usize = 10_000;

impl UseCase<WhatRanAt> for Gateway {
    async fn run(&self, input: WhatRanAtInput) -> Result<Answer<RanAt>, ActionError> {
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
        let mut answer = answer(
            RanAt {
                time,
                declared,
                observed,
            },
            self.coverage(),
        );
        if cut {
            answer
                .warnings
                .push(format!("only the newest {MOST_RUNS} runs are shown"));
        }
        if time > now {
            answer
                .warnings
                .push("the moment lies ahead: this is what runs now".to_owned());
        }
        Ok(answer)
    }
}

fn place(run: &Run) -> (&str, &str, Option<&String>) {
    (&run.service, &run.environment, run.instance.as_ref())
}

impl UseCase<ListContradictions> for Gateway {
    async fn run(
        &self,
        input: ListContradictionsInput,
    ) -> Result<Answer<Vec<Contradiction>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let found = self.log.contradictions(input.about, cursor, limit).await?;
        Ok(page(found, self.coverage(), |contradiction| contradiction))
    }
}
