//! DORA's five metrics, worked out from deployments and incidents, and what could not be
//! attributed beside each: a figure that hides what it left out is a wrong figure.
//!
//! Source of the definitions: dora.dev, "DORA's software delivery performance metrics".

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::projection::{Deployment, DeploymentStatus, Incident};

/// The period that is looked at: from, inclusive, to, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// From this moment on.
    pub from: Timestamp,
    /// Up to this moment.
    pub to: Timestamp,
}

impl Window {
    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    fn days(&self) -> f64 {
        seconds(self.from, self.to) / 86_400.0
    }
}

/// The five metrics over a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dora {
    /// The period.
    pub window: Window,
    /// How often changes reach users.
    pub deployment_frequency: DeploymentFrequency,
    /// How long a change takes from commit to users.
    pub change_lead_time: ChangeLeadTime,
    /// Which share of the changes hurt.
    pub change_fail_rate: ChangeFailRate,
    /// How long it takes to recover from a change that hurt.
    pub failed_deployment_recovery_time: RecoveryTime,
    /// Which share of the deployments was work that production forced.
    pub rework_rate: ReworkRate,
    /// What the figures above leave out.
    pub unattributed: Unattributed,
}

/// How often changes reach users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentFrequency {
    /// Deployments that succeeded in the window, those rolled back later among them.
    pub deployments: u64,
    /// The same per day of the window.
    pub per_day: f64,
    /// Attempts that ended in the window without reaching users: failed or cancelled.
    pub attempts_without_success: u64,
}

/// How long a change takes from commit to users, over deployments whose commit time is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeLeadTime {
    /// Median, in seconds; absent when no commit time is known.
    pub median_s: Option<f64>,
    /// 90th percentile (nearest rank), in seconds.
    pub p90_s: Option<f64>,
    /// Over how many deployments.
    pub deployments: u64,
}

/// Which share of the deployments led to a rollback or an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeFailRate {
    /// 0 to 1; absent without deployments.
    pub rate: Option<f64>,
    /// Deployments that were rolled back or are named by an incident.
    pub failed: u64,
    /// Of so many.
    pub deployments: u64,
}

/// How long it takes to recover from a deployment that hurt: from its success to the last of its
/// incidents resolved or, without one, to its rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryTime {
    /// Median, in seconds; absent when nothing has recovered.
    pub median_s: Option<f64>,
    /// Deployments that hurt and recovered.
    pub recovered: u64,
    /// Deployments that hurt and have not.
    pub unrecovered: u64,
}

/// Which share of the deployments was unplanned: said so by their sender or, where the sender did
/// not say, begun while an incident of the same service and environment was open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReworkRate {
    /// 0 to 1; absent without deployments.
    pub rate: Option<f64>,
    /// Unplanned deployments.
    pub rework: u64,
    /// Of so many.
    pub deployments: u64,
}

/// What the figures leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unattributed {
    /// Deployments without a commit time: not in the lead time.
    pub deployments_without_commit_time: u64,
    /// Deployments whose commit is later than their success: not in the lead time.
    pub deployments_with_impossible_commit_time: u64,
    /// Incidents opened in the window that name no deployment: in no failure rate.
    pub incidents_without_deployment: u64,
    /// Incidents opened in the window that name a deployment nobody reported.
    pub incidents_with_unknown_deployment: u64,
}

/// Works the metrics out. `deployments` and `incidents` may hold more than the window asks for;
/// both must be of the service and environment that the figures are about.
pub fn dora(deployments: &[Deployment], incidents: &[Incident], window: Window) -> Dora {
    let troubles = Troubles::of(incidents);
    let reached: Vec<_> = deployments
        .iter()
        .filter_map(|deployment| Some((deployment, deployment.succeeded_at?)))
        .filter(|(_, succeeded_at)| window.holds(*succeeded_at))
        .collect();
    let total = reached.len() as u64;
    let without_success = deployments
        .iter()
        .filter(|d| {
            matches!(
                d.status,
                // What failed may have been rolled back for good measure.
                DeploymentStatus::Failed
                    | DeploymentStatus::Cancelled
                    | DeploymentStatus::RolledBack
            )
        })
        .filter(|d| d.succeeded_at.is_none() && d.finished_at.is_some_and(|at| window.holds(at)))
        .count() as u64;

    let mut lead = Vec::new();
    let (mut no_commit_time, mut impossible) = (0, 0);
    let mut recovery = Vec::new();
    let (mut failed, mut unrecovered, mut rework) = (0, 0, 0);
    for (deployment, succeeded_at) in reached {
        match deployment.commit_time {
            Some(commit) if commit <= succeeded_at => lead.push(seconds(commit, succeeded_at)),
            Some(_) => impossible += 1,
            None => no_commit_time += 1,
        }
        rework += u64::from(is_rework(deployment, &troubles));
        let caused: Vec<_> = troubles.caused_by(deployment).collect();
        if caused.is_empty() && taken_back_at(deployment).is_none() {
            continue;
        }
        failed += 1;
        match recovered_at(deployment, &caused) {
            Some(end) => recovery.push(seconds(succeeded_at, end).max(0.0)),
            None => unrecovered += 1,
        }
    }
    lead.sort_by(f64::total_cmp);
    recovery.sort_by(f64::total_cmp);

    Dora {
        window,
        deployment_frequency: DeploymentFrequency {
            deployments: total,
            per_day: if window.days() > 0.0 {
                count(total) / window.days()
            } else {
                0.0
            },
            attempts_without_success: without_success,
        },
        change_lead_time: ChangeLeadTime {
            median_s: median(&lead),
            p90_s: percentile_90(&lead),
            deployments: lead.len() as u64,
        },
        change_fail_rate: ChangeFailRate {
            rate: share(failed, total),
            failed,
            deployments: total,
        },
        failed_deployment_recovery_time: RecoveryTime {
            median_s: median(&recovery),
            recovered: recovery.len() as u64,
            unrecovered,
        },
        rework_rate: ReworkRate {
            rate: share(rework, total),
            rework,
            deployments: total,
        },
        unattributed: unattributed(deployments, incidents, window, (no_commit_time, impossible)),
    }
}

/// When what it brought was taken back; not when an earlier attempt under the same id was.
fn taken_back_at(deployment: &Deployment) -> Option<Timestamp> {
    deployment
        .rolled_back_at
        .filter(|back| deployment.succeeded_at.is_some_and(|at| at <= *back))
}

fn unattributed(
    deployments: &[Deployment],
    incidents: &[Incident],
    window: Window,
    (no_commit_time, impossible_commit_time): (u64, u64),
) -> Unattributed {
    let mut by_id: HashMap<&str, Vec<&Deployment>> = HashMap::new();
    for deployment in deployments {
        by_id
            .entry(&deployment.deployment_id)
            .or_default()
            .push(deployment);
    }
    let (mut without, mut unknown) = (0, 0);
    for incident in incidents {
        if !incident.opened_at.is_some_and(|at| window.holds(at)) {
            continue;
        }
        match incident.deployment_id.as_deref().map(|id| by_id.get(id)) {
            None => without += 1,
            Some(named) => {
                let known = named.is_some_and(|named| named.iter().any(|d| caused_by(incident, d)));
                unknown += u64::from(!known);
            }
        }
    }
    Unattributed {
        deployments_without_commit_time: no_commit_time,
        deployments_with_impossible_commit_time: impossible_commit_time,
        incidents_without_deployment: without,
        incidents_with_unknown_deployment: unknown,
    }
}

/// Incidents by what is asked of them, so that the work does not grow with deployments times
/// incidents.
struct Troubles<'a> {
    by_deployment: HashMap<&'a str, Vec<&'a Incident>>,
    by_service: HashMap<&'a str, Vec<&'a Incident>>,
}

impl<'a> Troubles<'a> {
    fn of(incidents: &'a [Incident]) -> Self {
        let (mut by_deployment, mut by_service) = (HashMap::new(), HashMap::new());
        for incident in incidents {
            let put = |map: &mut HashMap<&'a str, Vec<_>>, key: &'a Option<String>| {
                if let Some(key) = key {
                    map.entry(key).or_default().push(incident);
                }
            };
            put(&mut by_deployment, &incident.deployment_id);
            put(&mut by_service, &incident.service);
        }
        Self {
            by_deployment,
            by_service,
        }
    }

    fn caused_by(&self, deployment: &'a Deployment) -> impl Iterator<Item = &'a Incident> {
        let named = self.by_deployment.get(&*deployment.deployment_id);
        named
            .into_iter()
            .flatten()
            .copied()
            .filter(|incident| caused_by(incident, deployment))
    }

    fn of_service(&self, service: &str) -> impl Iterator<Item = &'a Incident> {
        self.by_service.get(service).into_iter().flatten().copied()
    }
}

/// An incident that names a deployment's id, and no other service or environment than its own.
fn caused_by(incident: &Incident, deployment: &Deployment) -> bool {
    incident.deployment_id.as_ref() == Some(&deployment.deployment_id)
        && incident
            .service
            .as_ref()
            .is_none_or(|service| *service == deployment.service)
        && incident
            .environment
            .as_ref()
            .is_none_or(|place| *place == deployment.environment)
}

fn recovered_at(deployment: &Deployment, caused: &[&Incident]) -> Option<Timestamp> {
    if caused.is_empty() {
        return taken_back_at(deployment);
    }
    let ends: Option<Vec<_>> = caused.iter().map(|incident| incident.resolved_at).collect();
    ends?.into_iter().max()
}

fn is_rework(deployment: &Deployment, troubles: &Troubles<'_>) -> bool {
    if let Some(said) = deployment.unplanned {
        return said;
    }
    let begun = deployment
        .requested_at
        .or(deployment.started_at)
        .or(deployment.succeeded_at);
    troubles.of_service(&deployment.service).any(|incident| {
        let here = incident
            .environment
            .as_ref()
            .is_none_or(|place| *place == deployment.environment);
        let open = begun.is_some_and(|begun| {
            incident.opened_at.is_some_and(|at| at <= begun)
                && incident.resolved_at.is_none_or(|at| begun <= at)
        });
        // What caused the trouble was not made to end it.
        here && open && !caused_by(incident, deployment)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a century fit an f64"
)]
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.timestamp_micros() - from.timestamp_micros()) as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| count(part) / count(whole))
}

/// The middle of sorted values; of two middles, their mean.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

fn percentile_90(sorted: &[f64]) -> Option<f64> {
    let rank = (sorted.len() * 9).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied()
}
