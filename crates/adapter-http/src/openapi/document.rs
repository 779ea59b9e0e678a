//! The document as a whole: paths, and everything they refer to.

use pts_api::{BatchResult, Call, Coverage, Problem, Receipt};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{call, device, events, mcp, operation, refusals};

const DESCRIPTION: &str = "The platform's memory: what was deployed where, what runs, what changed \
    and what is not known. Lists are newest first and paged by `next_cursor`; every answer carries \
    its `coverage`; errors are problem documents (RFC 9457) with a stable `code` and the \
    `request_id` that stands in the server's log. `?partial=deny` turns an incomplete answer into \
    503.";

/// The OpenAPI 3.1 document of the whole API.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for action in pts_api::actions::all() {
        let operation = operation::of(&action, &mut generator);
        let path = paths.entry(action.path).or_insert_with(|| json!({}));
        path[operation::method(action.method)] = operation;
    }
    paths[Call::PATH]["post"] = call::operation(&mut generator);
    paths.insert(
        crate::mcp::PATH.to_owned(),
        json!({ "post": mcp::operation() }),
    );
    for (path, operation) in device::operations(&mut generator) {
        paths.insert(path.to_owned(), json!({ "post": operation }));
    }
    for (path, operation) in operation::beside_the_actions() {
        paths.insert(path.to_owned(), json!({ "get": operation }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Platform Telemetry Service",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "session": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas(generator),
            "responses": refusals::all(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "pts_<random>_<checksum>",
                    "description": "A token made with `pts-server token create`.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user name, and a token as the password: for feeds alone, whose \
                                    readers can send nothing else.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": crate::auth::cookie_name(false),
                    "description": "A browser's session, made at /signin.",
                },
            },
        },
    })
}

fn tags() -> Value {
    let mut names: Vec<&str> = Vec::new();
    for action in pts_api::actions::all() {
        let tag = operation::tag(action.name);
        if !names.contains(&tag) {
            names.push(tag);
        }
    }
    names.push(operation::SERVER);
    names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}

/// What the paths and the well-known parts refer to, and the union of all events.
fn schemas(mut generator: SchemaGenerator) -> Map<String, Value> {
    fn needed<T: JsonSchema>(generator: &mut SchemaGenerator) {
        generator.subschema_for::<T>();
    }
    needed::<Problem>(&mut generator);
    needed::<Coverage>(&mut generator);
    needed::<Receipt>(&mut generator);
    needed::<BatchResult>(&mut generator);
    let calls = call::schemas(&mut generator);
    let mut schemas = generator.take_definitions(true);
    schemas.extend(calls);
    events::add(&mut schemas);
    schemas
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::routes;

    fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v str, &'v Value)) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    visit(key, inner);
                    walk(inner, visit);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut seen = 0;
        walk(&document, &mut |key, value| {
            if key == "$ref" {
                let target = value
                    .as_str()
                    .and_then(|text| text.strip_prefix('#'))
                    .unwrap();
                assert!(document.pointer(target).is_some(), "{target} is not there");
                seen += 1;
            }
            assert!(
                !matches!(key, "$defs" | "$schema"),
                "{key} has no place here"
            );
        });
        assert!(seen > 100, "only {seen} references");
        let mapping =
            document["components"]["schemas"]["PlatformEvent"]["discriminator"]["mapping"]
                .as_object()
                .unwrap();
        for target in mapping.values().filter_map(Value::as_str) {
            assert!(
                document.pointer(&target[1..]).is_some(),
                "{target} is not there"
            );
        }
    }

    #[test]
    fn every_action_and_health_is_described_once() {
        let document = document();
        let mut ids = HashSet::new();
        for action in pts_api::actions::all() {
            let operation = &document["paths"][action.path][operation::method(action.method)];
            assert_eq!(operation["operationId"], action.name);
            assert!(ids.insert(action.name));
            for status in ["400", "401", "403", "503"] {
                assert!(
                    operation["responses"][status].is_object(),
                    "{} {status}",
                    action.name
                );
            }
        }
        let routes: HashSet<_> = routes::declared().iter().map(|route| route.path).collect();
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(
                routes.contains(path.as_str()),
                "{path} is described and not served"
            );
        }
    }

    #[test]
    fn every_parameter_in_a_path_is_described_and_required() {
        let document = document();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let shown = operation["parameters"].to_string();
                assert!(
                    shown == "null" || !shown.contains("null"),
                    "{path}: no parameter is ever null: {shown}"
                );
                let parameters = operation["parameters"].as_array();
                let described: HashSet<_> = parameters
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
                    .filter_map(|parameter| parameter["name"].as_str())
                    .collect();
                let named: HashSet<_> = path
                    .split('/')
                    .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                    .collect();
                assert_eq!(described, named, "{path}");
            }
        }
    }

    #[test]
    fn every_event_type_is_in_the_union() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        let union = schemas["PlatformEvent"]["oneOf"].as_array().unwrap();
        assert_eq!(union.len(), pts_domain::platform::all().len());
        let started = &schemas["DeploymentStarted"];
        assert_eq!(started["properties"]["type"]["const"], "deployment.started");
        assert!(started["examples"][0]["data"]["deployment_id"].is_string());
    }
}
