//! All actions, by the thing they are about. To add one: declare it here, supply its use case in
//! `pts-services`, test it.

pub mod accounting;
pub mod annotations;
pub mod deployments;
pub mod dora;
pub mod event_types;
pub mod events;
pub mod export;
pub mod feeds;
pub mod images;
pub mod incidents;
pub mod quarantine;
pub mod services;
pub mod state;
pub mod timeline;

use crate::ActionSpec;

/// The longest page of any list.
pub const LARGEST_LIMIT: usize = 1_000;
/// The length of a page when nobody asks for one.
pub const USUAL_LIMIT: usize = 100;

/// Every action of the service, in the order of the reference.
pub fn all() -> Vec<ActionSpec> {
    vec![
        ActionSpec::of::<events::AppendEvents>(),
        ActionSpec::of::<events::SearchEvents>(),
        ActionSpec::of::<events::StreamEvents>(),
        ActionSpec::of::<export::ExportEvents>(),
        ActionSpec::of::<events::GetEvent>(),
        ActionSpec::of::<event_types::ListEventTypes>(),
        ActionSpec::of::<event_types::GetEventType>(),
        ActionSpec::of::<deployments::SearchDeployments>(),
        ActionSpec::of::<feeds::DeploymentsFeed>(),
        ActionSpec::of::<feeds::DeploymentsCalendar>(),
        ActionSpec::of::<deployments::GetDeployment>(),
        ActionSpec::of::<services::ListServices>(),
        ActionSpec::of::<services::GetService>(),
        ActionSpec::of::<images::SearchImages>(),
        ActionSpec::of::<state::ListStates>(),
        ActionSpec::of::<incidents::SearchIncidents>(),
        ActionSpec::of::<feeds::IncidentsFeed>(),
        ActionSpec::of::<feeds::IncidentsCalendar>(),
        ActionSpec::of::<annotations::ListAnnotations>(),
        ActionSpec::of::<dora::GetDora>(),
        ActionSpec::of::<timeline::WhatRanAt>(),
        ActionSpec::of::<timeline::ListContradictions>(),
        ActionSpec::of::<accounting::GetAccounting>(),
        ActionSpec::of::<quarantine::SearchQuarantine>(),
        ActionSpec::of::<quarantine::GetQuarantined>(),
        ActionSpec::of::<quarantine::ReplayQuarantine>(),
        ActionSpec::of::<quarantine::DiscardQuarantined>(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_routes_are_unique() {
        let (mut names, mut routes) = (HashSet::new(), HashSet::new());
        for action in all() {
            assert!(
                names.insert(action.name),
                "{} is declared twice",
                action.name
            );
            for path in [&[action.path], action.aliases].concat() {
                assert!(
                    routes.insert((action.method as u8, path)),
                    "{path} is bound twice"
                );
            }
        }
    }

    #[test]
    fn every_path_parameter_is_a_field_of_the_input() {
        for action in all() {
            let mut generator = schemars::SchemaGenerator::default();
            (action.input_schema)(&mut generator);
            let definitions = serde_json::to_string(generator.definitions()).unwrap();
            for part in action.path.split('/').filter_map(|p| p.strip_prefix('{')) {
                let name = part.trim_end_matches('}');
                assert!(
                    definitions.contains(&format!("\"{name}\"")),
                    "{}: {name}",
                    action.name
                );
            }
        }
    }
}
