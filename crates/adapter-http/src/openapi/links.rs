//! Where an answer leads: which value of it is the parameter of which other operation. For generators
//! of clients, and for fuzzers, which would otherwise have to guess what exists.

use pts_api::Action;
use pts_api::actions::deployments::{GetDeployment, SearchDeployments};
use pts_api::actions::discovery::{GetAction, ListActions};
use pts_api::actions::event_types::{GetEventType, ListEventTypes};
use pts_api::actions::events::{AppendEvents, GetEvent, SearchEvents};
use pts_api::actions::services::{GetService, ListServices};
use serde_json::{Map, Value, json};

/// From an operation and the status of its answer, by a value in that, to a parameter of another.
struct Link {
    from: &'static str,
    status: &'static str,
    value: &'static str,
    to: &'static str,
    parameter: &'static str,
}

const LINKS: &[Link] = &[
    link(AppendEvents::NAME, "201", "/id", GetEvent::NAME, "id"),
    link(
        SearchEvents::NAME,
        "200",
        "/data/0/id",
        GetEvent::NAME,
        "id",
    ),
    link(
        SearchDeployments::NAME,
        "200",
        "/data/0/deployment_id",
        GetDeployment::NAME,
        "id",
    ),
    link(
        ListServices::NAME,
        "200",
        "/data/0/service",
        GetService::NAME,
        "name",
    ),
    link(
        ListEventTypes::NAME,
        "200",
        "/data/0/type",
        GetEventType::NAME,
        "type",
    ),
    link(
        ListActions::NAME,
        "200",
        "/data/0/key",
        GetAction::NAME,
        "key",
    ),
];

const fn link(
    from: &'static str,
    status: &'static str,
    value: &'static str,
    to: &'static str,
    parameter: &'static str,
) -> Link {
    Link {
        from,
        status,
        value,
        to,
        parameter,
    }
}

/// Adds to the answers of an operation where they lead.
pub(super) fn add(action: &str, responses: &mut Value) {
    for link in LINKS.iter().filter(|link| link.from == action) {
        let mut parameters = Map::new();
        let value = format!("$response.body#{}", link.value);
        parameters.insert(link.parameter.to_owned(), value.into());
        let leads = json!({ "operationId": link.to, "parameters": parameters });
        responses[link.status]["links"][link.to] = leads;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_an_answer_to_a_parameter_that_there_is() {
        let document = crate::openapi_document();
        let operations = || {
            let paths = document["paths"].as_object().unwrap().values();
            paths.flat_map(|path| path.as_object().unwrap().values())
        };
        let find = |name: &str| operations().find(|one| one["operationId"] == name).unwrap();
        for link in LINKS {
            let told = &find(link.from)["responses"][link.status];
            assert!(told["content"].is_object(), "{}", link.from);
            assert_eq!(told["links"][link.to]["operationId"], link.to);
            let parameters = find(link.to)["parameters"].as_array().unwrap();
            let named = parameters.iter().any(|one| one["name"] == link.parameter);
            assert!(named, "{}: {}", link.to, link.parameter);
        }
    }
}
