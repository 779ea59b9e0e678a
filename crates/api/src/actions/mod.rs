//! All actions, by the thing they are about: a file for each area, which ends up in one list. To add
//! one, see `docs/adding-an-action.md`.

pub mod access;
pub mod accounting;
pub mod annotations;
pub mod audit;
pub mod deployments;
pub mod discovery;
pub mod dora;
pub mod elevations;
pub mod event_types;
pub mod events;
pub mod expectations;
pub mod export;
pub mod feeds;
pub mod images;
pub mod incidents;
mod inputs;
pub mod maintenance;
pub mod quarantine;
pub mod services;
pub mod sessions;
pub mod state;
pub mod timeline;
pub mod tokens;

use crate::ActionSpec;

/// The longest page of any list.
pub const LARGEST_LIMIT: usize = 1_000;
/// The length of a page when nobody asks for one.
pub const USUAL_LIMIT: usize = 100;

/// Calls a macro for every action of the service, in the order of the reference, with how it is
/// carried out and its type: `each!(answer pts_api::actions::events::SearchEvents);`.
///
/// `answer` is one question (or command) and one answer, by the `UseCase` behind it; so is `feed`,
/// whose route gives the answer as a document. `ingest` takes events in, `stream` follows them and
/// `download` writes all of them out, each in a way of its own.
///
/// Everything that goes through all actions is made with it: the list below, the routes, the
/// dispatch by name. So an action that is listed here is everywhere, or nothing compiles.
#[macro_export]
macro_rules! each_action {
    ($each:ident) => {
        $crate::each_events_action!($each);
        $crate::each_event_types_action!($each);
        $crate::each_deployments_action!($each);
        $crate::each_services_action!($each);
        $crate::each_images_action!($each);
        $crate::each_state_action!($each);
        $crate::each_incidents_action!($each);
        $crate::each_annotations_action!($each);
        $crate::each_dora_action!($each);
        $crate::each_timeline_action!($each);
        $crate::each_accounting_action!($each);
        $crate::each_expectations_action!($each);
        $crate::each_quarantine_action!($each);
        $crate::each_maintenance_action!($each);
        $crate::each_elevations_action!($each);
        $crate::each_tokens_action!($each);
        $crate::each_access_action!($each);
        $crate::each_sessions_action!($each);
        $crate::each_audit_action!($each);
        $crate::each_discovery_action!($each);
    };
}

/// Every action of the service, in the order of the reference.
pub fn all() -> Vec<ActionSpec> {
    let mut all = Vec::new();
    macro_rules! add {
        ($kind:ident $action:ty) => {
            all.push(ActionSpec::of::<$action>())
        };
    }
    crate::each_action!(add);
    all
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
