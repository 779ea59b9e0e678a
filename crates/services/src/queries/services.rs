//! Services: declared against observed.

use std::collections::BTreeMap;

use pts_api::actions::services::{
    EnvironmentSummary, GetService, GetServiceInput, InstanceView, ListServices, ListServicesInput,
    ObservedVersion, ServiceDetail, ServiceSummary,
};
use pts_domain::Timestamp;
use pts_domain::projection::{Instance, Liveness, Service};

use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many instances or settings are looked at for one answer.
const MOST_PARTS: usize = 1_000;
/// What is known of services comes from these.
const RESTS_ON: &[&str] = &[
    "deployment.*",
    "service.*",
    "config.*",
    "state.*",
    "incident.*",
];

impl UseCase<ListServices> for Gateway {
    async fn run(
        &self,
        input: ListServicesInput,
    ) -> Result<Found<Vec<ServiceSummary>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Name(1))?;
        let found = self
            .projections
            .services(input.environment.clone(), cursor, limit)
            .await?;
        let names = found
            .items
            .iter()
            .map(|service| service.service.clone())
            .collect();
        // One more than wanted tells whether any were left out.
        let most = limit.saturating_mul(MOST_PARTS).min(10 * MOST_PARTS);
        let mut instances = self.projections.instances(names, most + 1).await?;
        let cut = instances.len() > most;
        instances.truncate(most);
        let now = self.now();
        let question = Question::present(now, RESTS_ON).of(None, input.environment.as_ref());
        let mut answer = page(found, question, |service| {
            let own: Vec<_> = instances
                .iter()
                .filter(|instance| instance.service == service.service)
                .collect();
            ServiceSummary {
                environments: environments(&service, &own, now),
                first_seen_at: service.first_seen_at,
                last_seen_at: own.iter().map(|instance| instance.last_seen_at).max(),
                service: service.service,
            }
        });
        if cut {
            answer.warnings.push(format!(
                "only the {most} instances last heard of were counted; ask for fewer services"
            ));
        }
        Ok(answer)
    }
}

impl UseCase<GetService> for Gateway {
    async fn run(&self, input: GetServiceInput) -> Result<Found<ServiceDetail>, ActionError> {
        let Some(mut service) = self.projections.service(&input.name).await? else {
            return Err(ActionError::NotFound {
                what: format!("the service `{}`", input.name),
            });
        };
        // One more than is shown tells whether any were left out.
        let mut instances = self
            .projections
            .instances(vec![input.name.clone()], MOST_PARTS + 1)
            .await?;
        let mut config = self
            .projections
            .configs(&input.name, MOST_PARTS + 1)
            .await?;
        let mut warnings = Vec::new();
        if instances.len() > MOST_PARTS {
            warnings.push(format!(
                "only the {MOST_PARTS} instances last heard of are shown and counted"
            ));
            instances.truncate(MOST_PARTS);
        }
        if config.len() > MOST_PARTS {
            warnings.push(format!("only the first {MOST_PARTS} settings are shown"));
            config.truncate(MOST_PARTS);
        }
        let now = self.now();
        let environments = environments(&service, &instances.iter().collect::<Vec<_>>(), now);
        let mut recent_changes = std::mem::take(&mut service.recent_changes);
        recent_changes.sort_by_key(|change| std::cmp::Reverse(change.time));
        let silent: Vec<_> = instances
            .iter()
            .filter(|instance| instance.liveness(now) == Liveness::Silent)
            .map(|instance| format!("{}/{}", instance.environment, instance.instance))
            .collect();
        let instances = instances
            .into_iter()
            .map(|instance| view(instance, now))
            .collect();
        let detail = ServiceDetail {
            service,
            environments,
            instances,
            config,
            recent_changes,
        };
        if !silent.is_empty() {
            warnings.push(format!(
                "silent beyond their time to live, so what they run now is not known: {}",
                silent.join(", ")
            ));
        }
        let question = Question::present(now, RESTS_ON).of(Some(&input.name), None);
        let mut answer = found(detail, question);
        answer.warnings = warnings;
        Ok(answer)
    }
}

fn view(instance: Instance, now: Timestamp) -> InstanceView {
    let (liveness, expires_at) = (instance.liveness(now), instance.expires_at());
    InstanceView {
        instance,
        liveness,
        expires_at,
    }
}

/// What runs in each environment of a service, as declared and as its instances say.
fn environments(
    service: &Service,
    instances: &[&Instance],
    now: Timestamp,
) -> Vec<EnvironmentSummary> {
    let mut observed: BTreeMap<&str, BTreeMap<Option<&String>, (u64, u64)>> = BTreeMap::new();
    for instance in instances
        .iter()
        .filter(|instance| instance.state.is_running())
    {
        let versions = observed.entry(&instance.environment).or_default();
        let (alive, silent) = versions.entry(instance.version.as_ref()).or_default();
        match instance.liveness(now) {
            Liveness::Silent => *silent += 1,
            _ => *alive += 1,
        }
    }
    service
        .environments
        .iter()
        .map(|(name, environment)| {
            let observed: Vec<_> = observed
                .remove(name.as_str())
                .unwrap_or_default()
                .into_iter()
                .map(|(version, (instances, silent))| ObservedVersion {
                    version: version.cloned(),
                    instances,
                    silent,
                })
                .collect();
            let declared = environment.declared.clone();
            let agrees = declared
                .as_ref()
                .and_then(|declared| declared.version.as_ref())
                .and_then(|declared| {
                    let mut alive = observed
                        .iter()
                        .filter(|o| o.instances > 0 && o.version.is_some())
                        .peekable();
                    alive.peek()?;
                    Some(alive.all(|o| o.version.as_ref() == Some(declared)))
                });
            EnvironmentSummary {
                environment: name.clone(),
                declared,
                observed,
                agrees,
                deregistered_at: environment.deregistered_at,
            }
        })
        .collect()
}
