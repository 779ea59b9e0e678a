//! What of the contract goes into the file: the shapes of everything, and the actions by their names.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use pts_api::{ActionSpec, Answer, Call, Done, Failed, Problem, Receipt};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::typescript::{declaration, doc, expression};

const HEAD: &str = "\
// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.
";

/// What has a type parameter.
const GENERIC: [&str; 2] = ["Answer", "Done"];

/// Stands for the type parameter of what is generic.
#[derive(Serialize, Deserialize)]
struct Parameter;

impl JsonSchema for Parameter {
    fn schema_name() -> Cow<'static, str> {
        "T".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

/// Shapes by name, and those of the actions among them.
struct Shapes {
    definitions: Map<String, Value>,
    inputs: BTreeMap<&'static str, Value>,
    outputs: BTreeMap<&'static str, Value>,
}

/// The whole file.
pub(crate) fn typescript() -> String {
    let actions = pts_api::actions::all();
    let shapes = shapes(&actions);
    let mut out = HEAD.to_owned();
    for (name, schema) in &shapes.definitions {
        let name = match name.as_str() {
            "T" => continue,
            generic if GENERIC.contains(&generic) => format!("{generic}<T>"),
            name => name.to_owned(),
        };
        let _ = write!(out, "\n{}", declaration(&name, schema));
    }
    out.push_str("\n/** Every action, by its name. */\nexport interface Actions {\n");
    for action in &actions {
        let (input, output) = (&shapes.inputs[action.name], &shapes.outputs[action.name]);
        out.push_str(&doc(&about(action), 1));
        let _ = write!(
            out,
            "  {}: {{\n    input: {};\n    output: {};\n    method: {};\n    path: {};\n    binding: {};\n  }};\n",
            quoted(action.name),
            expression(input, 2),
            expression(output, 2),
            json(&action.method),
            quoted(action.path),
            json(&action.binding),
        );
    }
    out.push_str("}\n\nexport type ActionKey = keyof Actions;\n");
    out.push_str(
        "\n/** Where each action is; `{name}` in a path stands for that field of its input. */\n",
    );
    out.push_str("export const actions: {\n  readonly [K in ActionKey]: Pick<Actions[K], \"method\" | \"path\" | \"binding\">;\n} = {\n");
    for action in &actions {
        let _ = writeln!(
            out,
            "  {}: {{ method: {}, path: {}, binding: {} }},",
            quoted(action.name),
            json(&action.method),
            quoted(action.path),
            json(&action.binding),
        );
    }
    out.push_str("};\n");
    out
}

/// What goes in may leave out what has a default; what comes out has it. So each direction has a
/// generator of its own, and what is used in both must be the same in both.
fn shapes(actions: &[ActionSpec]) -> Shapes {
    let settings = SchemaSettings::draft2020_12();
    let mut reading = settings.clone().for_deserialize().into_generator();
    let mut writing = settings.for_serialize().into_generator();
    let inputs: BTreeMap<_, _> = (actions.iter())
        .map(|action| (action.name, (action.input_schema)(&mut reading).to_value()))
        .collect();
    reading.subschema_for::<Call>();
    let outputs = (actions.iter())
        .map(|action| (action.name, (action.output_schema)(&mut writing).to_value()))
        .collect();
    writing.subschema_for::<Answer<Parameter>>();
    writing.subschema_for::<Done<Parameter>>();
    writing.subschema_for::<Failed>();
    writing.subschema_for::<Problem>();
    writing.subschema_for::<Receipt>();
    let mut definitions = writing.take_definitions(true);
    for (name, schema) in reading.take_definitions(true) {
        let other = definitions.insert(name.clone(), schema.clone());
        let same = other.is_none_or(|other| expression(&other, 0) == expression(&schema, 0));
        assert!(
            same,
            "{name} is not the same going in and coming out: give them two names"
        );
    }
    definitions.sort_keys();
    Shapes {
        definitions,
        inputs,
        outputs,
    }
}

fn about(action: &ActionSpec) -> String {
    let scope = action.scope;
    let rest = if action.description.is_empty() {
        String::new()
    } else {
        format!("\n\n{}", action.description)
    };
    format!("{}. Needs `{scope}`.{rest}", action.summary)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn quoted(text: &str) -> String {
    json(&text)
}
