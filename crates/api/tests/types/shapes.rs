//! The shapes of the contract, and which area of actions each belongs to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use pts_api::{ActionSpec, Answer, Call, Done, Failed, Problem, Receipt};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::typescript::expression;

/// Where shapes are that no area has for itself.
pub(crate) const SHARED: &str = "shared";

/// What stands around the inputs and outputs of all actions.
const FRAME: [&str; 6] = ["Answer", "Call", "Done", "Failed", "Problem", "Receipt"];

/// Stands for the type parameter of what is generic.
#[derive(Serialize, Deserialize)]
struct Parameter;

/// Its name.
const PARAMETER: &str = "T";

impl JsonSchema for Parameter {
    fn schema_name() -> Cow<'static, str> {
        PARAMETER.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

/// Shapes by name, and those of the actions among them.
pub(crate) struct Shapes {
    pub(crate) definitions: Map<String, Value>,
    pub(crate) inputs: BTreeMap<&'static str, Value>,
    pub(crate) outputs: BTreeMap<&'static str, Value>,
}

impl Shapes {
    /// What goes in may leave out what has a default; what comes out has it. So each direction has a
    /// generator of its own, and what is used in both must be the same in both.
    pub(crate) fn of(actions: &[ActionSpec]) -> Self {
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
        definitions.remove(PARAMETER);
        definitions.sort_keys();
        Self {
            definitions,
            inputs,
            outputs,
        }
    }

    /// The area that each shape belongs to: the one whose actions alone lead to it. What several lead
    /// to is shared, and so is all that leads on to: areas need [`SHARED`], and never each other.
    pub(crate) fn areas(&self) -> BTreeMap<&str, &str> {
        let mut areas: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut from = |area, names: BTreeSet<_>| {
            for name in self.reached(names) {
                areas.entry(name).or_default().insert(area);
            }
        };
        from(SHARED, FRAME.into());
        for (action, schema) in self.inputs.iter().chain(&self.outputs) {
            from(area(action), references(schema));
        }
        let owned = areas.into_iter().map(|(name, areas)| {
            let alone = areas.first().filter(|_| areas.len() == 1);
            (name, alone.copied().unwrap_or(SHARED))
        });
        owned.collect()
    }

    /// These shapes and all that they are made of.
    fn reached<'a>(&'a self, mut ahead: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        while let Some(name) = ahead.pop_first() {
            if let Some(schema) = self.definitions.get(name)
                && reached.insert(name)
            {
                ahead.extend(references(schema));
            }
        }
        reached
    }
}

/// `platform.events.search` belongs to `events`.
pub(crate) fn area(action: &str) -> &str {
    action.split('.').nth(1).unwrap_or(action)
}

/// The names of the shapes that a schema speaks of.
pub(crate) fn references(schema: &Value) -> BTreeSet<&str> {
    match schema {
        Value::Object(parts) => {
            let target = parts.get("$ref").and_then(Value::as_str);
            let name = target.and_then(|target| target.rsplit('/').next());
            parts.values().flat_map(references).chain(name).collect()
        }
        Value::Array(parts) => parts.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}
