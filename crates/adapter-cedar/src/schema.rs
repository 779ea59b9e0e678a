//! What a policy can speak of: principals, roles, workspaces, and every action with the groups that it
//! is in. The language calls it a schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pts_domain::access::{ActionFacts, Scope};

/// What holds for every action.
const FRAME: &str = r#"// What a policy can speak of.

// A role, by its name, such as Role::"operator".
entity Role;

// A workspace, by its name, such as Workspace::"default".
entity Workspace;

// Whoever asks, by the id of the token or session.
entity Principal in [Role] {
  // What the token is called.
  name: String,
  // "bearer", "session" or "service".
  kind: String,
  // What it holds, its roles' included, such as "events:read".
  scopes: Set<String>,
  // The names of its roles.
  roles: Set<String>,
  // Whether the workspace of the request is the only one that it reaches.
  bound: Bool,
  // The person, as the identity provider names them.
  subject?: String,
};

type Facts = {
  // The scope that the action needs.
  scope: String,
  // "read", "write" or "control".
  effect: String,
  // Whether what it would do is shown first.
  risky: Bool,
  // Whether everybody may who was let in, as far as it is their own.
  open: Bool,
  // When it is asked, to the second.
  time: datetime,
  // From where, if that is known.
  address?: ipaddr,
};
"#;

/// The group of what is shown first.
const RISKY: &str = "risky";

/// The schema for these actions, in the language's own words.
pub(crate) fn text(actions: &[ActionFacts]) -> String {
    let mut groups: BTreeSet<String> = Scope::ALL.iter().map(ToString::to_string).collect();
    groups.extend(["read", "write", "control", RISKY].map(str::to_owned));
    groups.extend(actions.iter().flat_map(groups_of));
    let mut text = FRAME.to_owned();
    text.push_str("\n// Groups of actions: by effect, by scope, by what they are about.\n");
    for group in &groups {
        let _ = writeln!(text, "action {group:?};");
    }
    text.push_str("\n// The actions.\n");
    for action in actions {
        let groups: Vec<_> = groups_of(action)
            .into_iter()
            .map(|group| format!("{group:?}"))
            .collect();
        let _ = writeln!(
            text,
            "action {:?} in [{}] appliesTo {{ principal: Principal, resource: Workspace, context: \
             Facts }};",
            action.name,
            groups.join(", ")
        );
    }
    text
}

/// The groups that an action is in, by which a policy can name many at once. None has the name of an
/// action: `platform.at` is one, and `platform.at.*` are those about it.
pub(crate) fn groups_of(action: &ActionFacts) -> Vec<String> {
    let mut groups = vec![action.effect.to_owned(), action.scope.to_string()];
    groups.extend(action.risky.then(|| RISKY.to_owned()));
    let area = action.name.rsplit_once('.');
    groups.extend(area.map(|(area, _)| format!("{area}.*")));
    groups
}
