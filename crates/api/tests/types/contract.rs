//! What of the contract goes into which file: the shapes and actions of each area into its own, what
//! areas share into another, and into `pts.ts` everything by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pts_api::ActionSpec;
use serde::Serialize;

use crate::shapes::{SHARED, Shapes, area, references};
use crate::typescript::{declaration, doc, expression};

const HEAD: &str = "\
// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.
";

/// What has a type parameter.
const GENERIC: [&str; 2] = ["Answer", "Done"];

/// Every file, by its path under `ts/`.
pub(crate) fn files() -> BTreeMap<String, String> {
    let actions = pts_api::actions::all();
    let shapes = Shapes::of(&actions);
    let owners = shapes.areas();
    let areas = actions.iter().map(|action| area(action.name));
    let rooms: BTreeSet<&str> = areas.chain([SHARED]).collect();
    let mut files: BTreeMap<_, _> = (rooms.iter())
        .map(|room| {
            let text = room_file(room, &actions, &shapes, &owners);
            (format!("pts/{room}.ts"), text)
        })
        .collect();
    files.insert("pts.ts".to_owned(), whole(&rooms, &actions));
    files
}

/// What only the actions of one area use, and those; or what several use.
fn room_file(
    room: &str,
    actions: &[ActionSpec],
    shapes: &Shapes,
    owners: &BTreeMap<&str, &str>,
) -> String {
    let own = |name: &str| owners.get(name) == Some(&room);
    let mut needed = BTreeSet::new();
    let mut text = String::new();
    for (name, schema) in shapes.definitions.iter().filter(|(name, _)| own(name)) {
        needed.extend(references(schema));
        let name = match name.as_str() {
            generic if GENERIC.contains(&generic) => format!("{generic}<T>"),
            name => name.to_owned(),
        };
        let _ = write!(text, "\n{}", declaration(&name, schema));
    }
    if room != SHARED {
        let of_room = || actions.iter().filter(|action| area(action.name) == room);
        for action in of_room() {
            needed.extend(references(&shapes.inputs[action.name]));
            needed.extend(references(&shapes.outputs[action.name]));
        }
        text.push_str(&actions_of(room, of_room(), shapes));
    }
    // Whatever has no owner is a type parameter.
    needed.retain(|name| owners.contains_key(name) && !own(name));
    let mut out = HEAD.to_owned();
    if !needed.is_empty() {
        let needed: Vec<_> = needed.into_iter().collect();
        let _ = writeln!(
            out,
            "\nimport type {{ {} }} from \"./{SHARED}\";",
            needed.join(", ")
        );
    }
    out + &text
}

fn actions_of<'a>(
    room: &str,
    actions: impl Iterator<Item = &'a ActionSpec>,
    shapes: &Shapes,
) -> String {
    let name = interface(room);
    assert!(
        !shapes.definitions.contains_key(&name),
        "{name} is also a shape"
    );
    let mut out =
        format!("\n/** The actions of `platform.{room}`. */\nexport interface {name} {{\n");
    for action in actions {
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
    out + "}\n"
}

/// `event_types` has its actions in `EventTypesActions`.
fn interface(room: &str) -> String {
    let words = room.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.chain(["Actions".to_owned()]).collect()
}

/// The file that everything is found in.
fn whole(rooms: &BTreeSet<&str>, actions: &[ActionSpec]) -> String {
    let mut out = HEAD.to_owned() + "\n";
    let areas: Vec<_> = rooms.iter().filter(|room| **room != SHARED).collect();
    for room in &areas {
        let _ = writeln!(
            out,
            "import type {{ {} }} from \"./pts/{room}\";",
            interface(room)
        );
    }
    out.push('\n');
    for room in rooms {
        let _ = writeln!(out, "export type * from \"./pts/{room}\";");
    }
    let all: Vec<_> = areas.iter().map(|room| interface(room)).collect();
    let _ = write!(
        out,
        "\n/** Every action, by its name. */\nexport interface Actions\n  extends {} {{}}\n",
        all.join(",\n    ")
    );
    out.push_str("\nexport type ActionKey = keyof Actions;\n");
    out.push_str(
        "\n/** Where each action is; `{name}` in a path stands for that field of its input. */\n",
    );
    out.push_str("export const actions: {\n  readonly [K in ActionKey]: Pick<Actions[K], \"method\" | \"path\" | \"binding\">;\n} = {\n");
    for action in actions {
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
