//! DORA's five metrics over a window.

use chrono::Duration;
use pts_api::actions::dora::{DoraView, GetDora, GetDoraInput};
use pts_domain::FieldError;
use pts_domain::dora::{Window, dora};

use crate::coverage::{Found, Question, found};
use crate::{ActionError, Gateway, UseCase};

const USUAL_WINDOW: Duration = Duration::days(30);
/// Everything in the window is looked at: two years of it at the most.
const LONGEST_WINDOW: Duration = Duration::days(731);
const USUAL_ENVIRONMENT: &str = "production";

impl UseCase<GetDora> for Gateway {
    async fn run(&self, input: GetDoraInput) -> Result<Found<DoraView>, ActionError> {
        let now = self.now();
        let to = input.until.as_ref().map_or(now, |until| until.resolve(now));
        let length = input.window.map_or(USUAL_WINDOW, |window| window.0);
        if length <= Duration::zero() {
            let error = FieldError::invalid("window", "0", "a span longer than 0, such as 30d");
            return Err(ActionError::Invalid(vec![error]));
        }
        if length > LONGEST_WINDOW {
            let days = LONGEST_WINDOW.num_days();
            let found = format!("{} days", length.num_days());
            let expected = format!("at most {days} days; `until` chooses which");
            let error = FieldError::invalid("window", found, expected);
            return Err(ActionError::Invalid(vec![error]));
        }
        let window = Window {
            from: to - length,
            to,
        };
        let environment = match input.environment.as_deref() {
            None => Some(USUAL_ENVIRONMENT.to_owned()),
            Some("*") => None,
            Some(environment) => Some(environment.to_owned()),
        };
        let facts = self
            .projections
            .dora_facts(input.service.clone(), environment.clone(), window)
            .await?;
        let metrics = dora(&facts.deployments, &facts.incidents, window);
        let left_out = &metrics.unattributed;
        let mut warnings = Vec::new();
        let mut warn = |count: u64, what: &str| {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        };
        warn(
            left_out.deployments_without_commit_time,
            "deployments name no commit_time and are not in the lead time",
        );
        warn(
            left_out.deployments_with_impossible_commit_time,
            "deployments name a commit_time after their success and are not in the lead time",
        );
        warn(
            left_out.incidents_without_deployment,
            "incidents name no deployment and are not in the change fail rate",
        );
        warn(
            left_out.incidents_with_unknown_deployment,
            "incidents name a deployment that was not reported",
        );
        let question = Question::period(
            Some(window.from),
            Some(window.to),
            &["deployment.*", "incident.*"],
        )
        .of(input.service.as_ref(), environment.as_ref());
        let view = DoraView {
            service: input.service,
            environment,
            metrics,
        };
        let mut answer = found(view, question);
        answer.warnings = warnings;
        Ok(answer)
    }

    fn is_heavy(_input: &GetDoraInput) -> bool {
        true
    }
}
