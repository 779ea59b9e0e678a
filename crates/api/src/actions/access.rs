//! Who may do what, and why: explained, and by which rules and roles.

use pts_domain::Timestamp;
use pts_domain::access::{Scope, TokenKind, Workspace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_access_action {
    ($each:ident) => {
        $each!(answer $crate::actions::access::ExplainAccess);
        $each!(answer $crate::actions::access::ListPolicies);
        $each!(answer $crate::actions::access::ListRoles);
    };
}

/// `platform.access.explain`
pub struct ExplainAccess;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainAccessInput {
    /// A token's or session's id, or a token's name; whoever asks if not given.
    #[serde(default)]
    pub principal: Option<String>,
    /// The action's name, such as `platform.events.search`.
    pub action: String,
    /// As if it were asked from this address; from where the request comes, for whoever asks about
    /// themselves.
    #[serde(default)]
    pub address: Option<String>,
}

/// Whether somebody may do something, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Whether they may.
    pub allowed: bool,
    /// Why, in a sentence.
    pub reason: String,
    /// The rules that decided it. None of a refusal means that no rule allows it.
    pub rules: Vec<DecidingRule>,
    /// Where they have what the action needs from; empty if they do not have it.
    pub granted_by: Vec<GrantedScope>,
    /// Who they are.
    pub principal: ExplainedPrincipal,
    /// What they would do.
    pub action: ExplainedAction,
    /// From where, as far as that is known.
    pub address: Option<String>,
    /// When that was decided; a rule may speak of the time.
    pub at: Timestamp,
}

/// A rule that decided something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidingRule {
    /// Its name.
    pub id: String,
    /// Whether it permits; one that does not forbids, and wins.
    pub permits: bool,
}

/// A scope that covers an action, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantedScope {
    /// The scope.
    pub scope: Scope,
    /// The role that brings it; null if it was given by itself.
    pub role: Option<String>,
}

/// Somebody who may or may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedPrincipal {
    /// The token's id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// How it is presented.
    pub kind: TokenKind,
    /// The workspace that it acts in.
    pub workspace: Workspace,
    /// Whether that is the only one that it reaches.
    pub bound: bool,
    /// The names of its roles.
    pub roles: Vec<String>,
    /// What it holds, its roles' included.
    pub scopes: Vec<Scope>,
}

/// An action, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedAction {
    /// Its name.
    pub name: String,
    /// The scope that it needs.
    pub scope: Scope,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether what it would do is shown first.
    pub risky: bool,
    /// Whether everybody may, as far as it is their own.
    pub open: bool,
}

impl Action for ExplainAccess {
    const NAME: &'static str = "platform.access.explain";
    const SUMMARY: &'static str = "Explain whether somebody may do something, and by which rule";
    const DESCRIPTION: &'static str = "Everybody may ask about themselves; about others, whoever has \
        the scope.";
    const SCOPE: Scope = Scope::AccessManage;
    const EFFECT: Effect = Effect::Read;
    const FREE_FOR_OWN: bool = true;
    const PATH: &'static str = "/v1/access/explain";
    const ERRORS: &'static [u16] = &[404, 409];
    type Input = ExplainAccessInput;
    type Output = Explanation;

    fn example() -> Value {
        json!({ "principal": "ci", "action": "platform.events.append" })
    }
}

/// `platform.access.policies`
pub struct ListPolicies;

/// Nothing to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListPoliciesInput {}

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policies {
    /// The rules, those first that there always are.
    pub policies: Vec<PolicyRecord>,
    /// The file that the others are read from; null if there is none.
    pub file: Option<String>,
    /// SHA-256 of that file as it was read, in hexadecimal digits.
    pub digest: Option<String>,
    /// When they were read.
    pub loaded_at: Option<Timestamp>,
    /// What a rule can speak of: the schema, in the same language.
    pub schema: String,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRecord {
    /// Its name.
    pub id: String,
    /// Whether it permits; one that does not forbids, and wins.
    pub permits: bool,
    /// Whether it is there always, and not from the file.
    pub built_in: bool,
    /// As it is written, in the Cedar language.
    pub text: String,
}

impl Action for ListPolicies {
    const NAME: &'static str = "platform.access.policies";
    const SUMMARY: &'static str = "Read the policies in force";
    const SCOPE: Scope = Scope::AccessManage;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/access/policies";
    type Input = ListPoliciesInput;
    type Output = Policies;

    fn example() -> Value {
        json!({})
    }
}

/// `platform.access.roles`
pub struct ListRoles;

/// Nothing to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListRolesInput {}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleRecord {
    /// Its name.
    pub name: String,
    /// Whether it is there always, and not from the configuration.
    pub built_in: bool,
    /// What it allows.
    pub scopes: Vec<Scope>,
}

impl Action for ListRoles {
    const NAME: &'static str = "platform.access.roles";
    const SUMMARY: &'static str = "List the roles and what each allows";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/access/roles";
    type Input = ListRolesInput;
    type Output = Vec<RoleRecord>;

    fn example() -> Value {
        json!({})
    }
}
