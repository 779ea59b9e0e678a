//! The actions themselves: their declarations, with schemas that stand on their own.

use std::sync::LazyLock;

use pts_api::ActionSpec;
use pts_api::actions::discovery::{
    ActionRecord, GetAction, GetActionInput, ListActions, ListActionsInput,
};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::coverage::{Found, Question, found};
use crate::registry::unknown;
use crate::{ActionError, Gateway, UseCase};

/// They do not change while a process lives.
static RECORDS: LazyLock<Vec<ActionRecord>> =
    LazyLock::new(|| pts_api::actions::all().iter().map(record).collect());

fn record(action: &ActionSpec) -> ActionRecord {
    ActionRecord {
        key: action.name.to_owned(),
        summary: action.summary.to_owned(),
        description: action.description.to_owned(),
        scope: action.scope,
        effect: action.effect,
        risky: action.risky,
        method: action.method,
        path: action.path.to_owned(),
        aliases: action.aliases.iter().map(ToString::to_string).collect(),
        binding: action.binding,
        media_types: action.media_types.iter().map(ToString::to_string).collect(),
        input_schema: standing_alone(action.input_schema),
        output_schema: standing_alone(action.output_schema),
        examples: vec![(action.example)()],
    }
}

/// A schema with the definitions that it refers to.
fn standing_alone(schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = schema(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema["$defs"] = definitions.into();
    }
    schema
}

impl UseCase<ListActions> for Gateway {
    async fn run(&self, input: ListActionsInput) -> Result<Found<Vec<ActionRecord>>, ActionError> {
        let wanted = |record: &&ActionRecord| {
            input.effect.is_none_or(|effect| effect == record.effect)
                && input.scope.is_none_or(|scope| scope == record.scope)
        };
        let records = RECORDS.iter().filter(wanted).cloned().collect();
        Ok(found(records, Question::itself()))
    }
}

impl UseCase<GetAction> for Gateway {
    async fn run(&self, input: GetActionInput) -> Result<Found<ActionRecord>, ActionError> {
        let known = RECORDS.iter().find(|record| record.key == input.key);
        let record = known.ok_or_else(|| unknown(&input.key))?;
        Ok(found(record.clone(), Question::itself()))
    }
}
