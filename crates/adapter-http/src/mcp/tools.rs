//! Actions as tools: their names and schemas as assistants are told of them, and a call of one as a
//! call of the action by its name.

use std::sync::LazyLock;

use pts_api::{ActionSpec, Answer, Coverage, Effect};
use pts_domain::access::Principal;
use pts_domain::problem::nearest;
use pts_services::{ActionError, CallOptions, Gateway};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::frame::{Code, Fault, Request};
use super::{Exchange, methods};
use crate::bind::{Called, count_ingested};
use crate::problem::Refusal;

/// An action as a tool.
struct Tool {
    action: &'static str,
    name: String,
    shown: Value,
}

/// They do not change while a process lives.
static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let actions = pts_api::actions::all().into_iter();
    actions
        .filter(|action| pts_services::is_callable(action.name))
        .map(|action| Tool::of(&action))
        .collect()
});

impl Tool {
    fn of(action: &ActionSpec) -> Self {
        let name = action.name.replace('.', "_");
        let mut input = input_schema(action);
        input["examples"] = json!([(action.example)()]);
        let description = [action.summary, action.description]
            .map(|text| text.trim_end_matches('.'))
            .into_iter()
            .filter(|text| !text.is_empty())
            .fold(String::new(), |all, text| all + text + ". ");
        let shown = json!({
            "name": name,
            "title": action.summary,
            "description": description.trim_end(),
            "inputSchema": input,
            "outputSchema": output_schema(action),
            "annotations": {
                "title": action.summary,
                "readOnlyHint": action.effect == Effect::Read,
                // What is written is added to the record; what is controlled is changed.
                "destructiveHint": action.effect == Effect::Control,
                "openWorldHint": false,
            },
        });
        Self {
            action: action.name,
            name,
            shown,
        }
    }
}

/// An object at its top and whole in itself, as assistants need it: the schema by which it is read.
fn input_schema(action: &ActionSpec) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let mut generator = settings.into_generator();
    let schema = (action.input_schema)(&mut generator).to_value();
    with_definitions(schema, &mut generator)
}

/// The whole answer, with its coverage.
fn output_schema(action: &ActionSpec) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let data = (action.output_schema)(&mut generator);
    let coverage = generator.subschema_for::<Coverage>();
    let schema = json!({
        "type": "object",
        "properties": {
            "data": data,
            "coverage": coverage,
            "warnings": {
                "description": "What the reader should know before relying on it.",
                "type": "array",
                "items": { "type": "string" },
            },
            "next_cursor": {
                "description": "Where the next page begins; absent on the last page.",
                "type": "string",
            },
        },
        "required": ["data", "coverage", "warnings"],
    });
    with_definitions(schema, &mut generator)
}

fn with_definitions(mut schema: Value, generator: &mut SchemaGenerator) -> Value {
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema["$defs"] = definitions.into();
    }
    schema
}

/// The tools that somebody may use, always in the same order.
///
/// # Errors
/// The token has used up its requests.
pub(super) fn of_principal(
    gateway: &Gateway,
    principal: &Principal,
) -> Result<Vec<&'static Value>, ActionError> {
    let callable = gateway.callable(principal)?;
    let may = |tool: &&Tool| callable.iter().any(|action| action.name == tool.action);
    Ok(TOOLS.iter().filter(may).map(|tool| &tool.shown).collect())
}

/// Uses a tool. What the action refuses is a result too: the assistant reads it and tries again.
///
/// # Errors
/// There is no such tool, or the call is not made as the protocol makes calls.
pub(super) async fn call(exchange: &mut Exchange<'_>, request: &Request) -> Result<Value, Fault> {
    let name = match request.params.get("name") {
        Some(Value::String(name)) => name,
        odd => return Err(Fault::misfit("params.name", odd, "the name of a tool")),
    };
    let tool = TOOLS
        .iter()
        .find(|tool| tool.name == *name)
        .ok_or_else(|| unknown(name))?;
    let arguments = methods::arguments(&request.params)?;
    exchange.called = Some(Called(tool.action));
    let shared = exchange.shared;
    let answered = shared
        .gateway
        .act(
            &exchange.principal,
            tool.action,
            &arguments,
            CallOptions::default(),
        )
        .await
        .inspect(|answer| count_ingested(shared, tool.action, answer));
    Ok(match answered {
        Ok(answer) => given(&answer),
        Err(error) => denied(exchange, error),
    })
}

fn unknown(name: &str) -> Fault {
    let shown: String = name.chars().take(100).collect();
    let hint = match nearest(name, TOOLS.iter().map(|tool| tool.name.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => "tools/list names what there is.".to_owned(),
    };
    Fault::new(
        Code::InvalidParams,
        format!("No tool is called {shown:?}; {hint}"),
    )
}

fn given(answer: &Answer<Value>) -> Value {
    let structured = json!(answer);
    json!({
        "content": [{ "type": "text", "text": structured.to_string() }],
        "structuredContent": structured,
        "isError": false,
    })
}

fn denied(exchange: &mut Exchange<'_>, error: ActionError) -> Value {
    let refusal = Refusal::from(error).within("arguments");
    let (problem, retry_after_s) = exchange.refuse(refusal);
    let text = json!(problem).to_string();
    let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
    if let Some(retry_after_s) = retry_after_s {
        result["_meta"] = json!({ methods::RETRY_AFTER_S: retry_after_s });
    }
    result
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_such_that_every_assistant_takes_them() {
        let mut names = HashSet::new();
        for Tool { name, .. } in TOOLS.iter() {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            // Some add the server's name in front of it, and have 64 for both.
            assert!(name.len() <= 48 && name.chars().all(fine), "{name}");
            assert!(names.insert(name), "{name} stands for two actions");
        }
        assert!(names.len() > 20, "{names:?}");
    }

    #[test]
    fn schemas_are_objects_at_their_top() {
        for Tool { name, shown, .. } in TOOLS.iter() {
            for schema in ["inputSchema", "outputSchema"] {
                assert_eq!(shown[schema]["type"], "object", "{name} {schema}");
                assert!(
                    jsonschema::meta::is_valid(&shown[schema]),
                    "{name} {schema}"
                );
            }
            assert_eq!(
                shown["inputSchema"]["additionalProperties"], false,
                "{name}"
            );
        }
    }
}
