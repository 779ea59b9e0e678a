//! Every action × every role × every workspace: nothing of one workspace is in any byte of what is
//! answered to another, and nobody does what their role does not allow. The list of actions is the
//! registry's: one that is added is walked here without anybody thinking of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pts_api::{ActionSpec, Binding, Method as ActionMethod};
use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, BUILT_IN_ROLES, Principal, Roles, Ruling, Scope};
use pts_ports::{PoliciesAway, PolicyBook, PolicyEngine, PolicyFile};
use pts_services::Gateway;
use pts_testkit::generate::platform::{self, elsewhere};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::support::{Server, foreign};
use super::tenants::{Caller, Heard, MARKS, PEOPLE, Reach, filled, hear, shared_by_two};

/// What everybody may ask about what is their own, and gets nothing else of without the scope.
const OWN: [&str; 3] = [
    "platform.sessions.list",
    "platform.sessions.revoke",
    "platform.access.explain",
];

/// What is confined by other means than a store's: with each question it says of which workspace.
const OTHERWISE: [&str; 1] = ["platform.expectations.list"];

/// What asks for more than the rules: nobody makes a token that may more than they.
const TWICE: [&str; 1] = ["platform.tokens.create"];

/// A role that may do nothing, and the others.
fn roles() -> impl Iterator<Item = (&'static str, &'static [Scope])> {
    let nobody: (&str, &[Scope]) = ("nobody", &[]);
    std::iter::once(nobody).chain(BUILT_IN_ROLES)
}

/// A stream up to an event that is sent while it is read; it comes after everything else.
async fn hear_stream(server: &Server, caller: &Caller, request: RequestBuilder) -> Heard {
    let mut response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut everything = format!("{:?}", response.headers());
    if status == 200 {
        let last = format!("last-{}", caller.id);
        let event = foreign(&last);
        let sent = server
            .post("/v1/events")
            .header("PTS-Workspace", caller.reach.workspace())
            .json(&event);
        assert_eq!(hear(sent).await.status, 201);
        // What leaks has been heard long enough.
        while !everything.contains(&last) && foreign_mark(caller, &everything).is_none() {
            let chunk = response.chunk().await.unwrap().expect("the last event");
            everything.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    } else {
        everything += &response.text().await.unwrap();
    }
    Heard { status, everything }
}

/// The path of an action's route with an input, and what of it is left for the query or the body.
fn route(action: &ActionSpec, input: &Value) -> (String, Value) {
    let mut path = action.path.to_owned();
    let mut left = input.clone();
    if let Some(fields) = left.as_object_mut() {
        fields.retain(|name, value| {
            let place = format!("{{{name}}}");
            let found = path.contains(&place);
            path = path.replace(&place, &shown(value));
            !found
        });
    }
    (path, left)
}

/// A path with what is left of the input behind it.
fn asked(path: &str, left: &Value) -> String {
    let mut pairs = Vec::new();
    for (name, value) in left.as_object().into_iter().flatten() {
        match value {
            Value::Array(all) => pairs.extend(all.iter().map(|one| (name.clone(), shown(one)))),
            Value::Object(all) => {
                let inner = |(inner, one)| (format!("{name}.{inner}"), shown(one));
                pairs.extend(all.iter().map(inner));
            }
            one => pairs.push((name.clone(), shown(one))),
        }
    }
    let pairs = pairs.into_iter();
    let pairs: Vec<_> = pairs.map(|(name, value)| name + "=" + &value).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// A value as it stands in a URL.
fn shown(value: &Value) -> String {
    let text = value.as_str();
    let text = text.map_or_else(|| value.to_string(), str::to_owned);
    utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
}

/// Everything that is answered to an action with an input, by every door that leads to it.
async fn carried_out(
    server: &Server,
    caller: &Caller,
    action: &ActionSpec,
    input: &Value,
) -> Vec<Heard> {
    let mut heard = Vec::new();
    let (path, left) = route(action, input);
    let method = match action.method {
        ActionMethod::Get => Method::GET,
        ActionMethod::Post => Method::POST,
    };
    let asks = |path: &str| caller.asks(server, method.clone(), path);
    match action.binding {
        Binding::Query | Binding::Download | Binding::Feed => {
            heard.push(hear(asks(&asked(&path, &left))).await);
        }
        Binding::Command => heard.push(hear(asks(&path).json(&left)).await),
        Binding::Ingest => {
            let events = left.get("events").unwrap_or(&left);
            heard.push(hear(asks(&path).json(events)).await);
        }
        Binding::Stream => {
            let all = asks(&asked(&path, &json!({ "after": 0 })));
            heard.push(hear_stream(server, caller, all).await);
        }
    }
    if action.binding.has_own_route_only() {
        return heard;
    }
    let call = json!({ "actionKey": action.name, "payload": input });
    let by_name = caller.asks(server, Method::POST, "/v1/actions").json(&call);
    heard.push(hear(by_name).await);
    let tool = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": action.name.replace('.', "_"), "arguments": input },
    });
    let tool = caller
        .asks(server, Method::POST, "/mcp")
        .header("accept", "application/json, text/event-stream")
        .json(&tool);
    let tool = hear(tool).await;
    let known = !tool.everything.contains("No tool is called");
    assert!(known, "{}: {}", action.name, tool.everything);
    heard.push(tool);
    heard
}

/// The inputs that an action is asked with: its example, and the same with what others are known by.
fn inputs(action: &ActionSpec) -> Vec<Value> {
    let example = (action.example)();
    let mut text = example.to_string();
    for id in [platform::EVENT, platform::ITEM] {
        text = text.replace(&id.to_string(), &elsewhere(id).to_string());
    }
    let stolen: Value = serde_json::from_str(&text).unwrap();
    if stolen == example {
        vec![example]
    } else {
        vec![example, stolen]
    }
}

/// Has every action carried out by every role in every workspace, and hands out all that is answered.
async fn walk(
    start: impl AsyncFn() -> Server,
    mut hears: impl FnMut(&ActionSpec, &Caller, &Heard),
) {
    for action in pts_api::actions::all() {
        // What is done to one workspace must not be what hides something from the next caller.
        let server = start().await;
        for role in roles() {
            for reach in Reach::ALL {
                let caller = Caller::new(&server, role, reach).await;
                for input in inputs(&action) {
                    let all = carried_out(&server, &caller, &action, &input).await;
                    assert!(!all.is_empty(), "{} is not driven", action.name);
                    for heard in all {
                        hears(&action, &caller, &heard);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_action_shows_a_role_of_one_workspace_anything_of_another() {
    let mut shown: BTreeSet<(&str, &str)> = BTreeSet::new();
    walk(shared_by_two, |action, caller, heard| {
        if let Some(complaint) = complaint(action, caller, heard) {
            panic!("{complaint}");
        }
        for (name, mark) in MARKS {
            if heard.everything.contains(mark) {
                shown.insert((action.name, name));
            }
        }
    })
    .await;
    // Whoever looks for marks must be able to find them: both workspaces are seen by their own.
    for (name, _) in MARKS {
        let number = shown.iter().filter(|(_, seen)| *seen == name).count();
        assert!(
            number >= 12,
            "only {number} actions show anything of {name}: {shown:?}"
        );
    }
}

/// The walk must be able to fail: where nothing confines, it says so of whatever shows anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_confines_nobody_is_noticed_at_every_action_that_shows_anything() {
    let astray = async || {
        let server = shared_by_two().await;
        server.store.lead_astray("a".parse().unwrap());
        server
    };
    let (mut shown, mut noticed) = (BTreeSet::new(), BTreeSet::new());
    walk(astray, |action, caller, heard| {
        let at_home = caller.reach.workspace() == "a";
        if at_home && heard.everything.contains("canary-of-a") {
            shown.insert(action.name);
        }
        let complaint = complaint(action, caller, heard);
        if complaint.is_some_and(|what| what.contains(": something of a in")) {
            noticed.insert(action.name);
        }
    })
    .await;
    assert!(shown.len() >= 12, "{shown:?}");
    let missed = shown.difference(&noticed);
    let missed: Vec<_> = missed.filter(|name| !OTHERWISE.contains(name)).collect();
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

/// Permits everything to everybody.
struct Lenient;

impl PolicyEngine for Lenient {
    fn decide(&self, _: &Principal, _: &ActionFacts, _: Timestamp) -> Result<Ruling, PoliciesAway> {
        Ok(Ruling {
            allowed: true,
            by: vec!["lenient".into()],
        })
    }

    fn edition(&self) -> u64 {
        0
    }

    fn book(&self) -> PolicyBook {
        PolicyBook {
            policies: Vec::new(),
            schema: String::new(),
            file: None,
            digest: None,
            loaded_at: None,
            fault: None,
        }
    }

    fn file(&self) -> Option<PolicyFile> {
        None
    }

    fn refresh(&self, _: Timestamp) {}
}

/// The same for roles: where everybody may do everything, it is said of every action.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_permit_everything_are_noticed_at_every_action() {
    let lenient = async || {
        let governed = |gateway: Gateway| gateway.governed(Roles::default(), Arc::new(Lenient));
        filled(Server::made(governed).await).await
    };
    let mut noticed = BTreeSet::new();
    walk(lenient, |action, caller, heard| {
        let complaint = complaint(action, caller, heard);
        if complaint.is_some_and(|what| what.contains(" is let in: ")) {
            noticed.insert(action.name);
        }
    })
    .await;
    let all = pts_api::actions::all();
    let names = all.iter().map(|action| action.name);
    let missed: Vec<_> = names
        .filter(|name| !OWN.contains(name) && !TWICE.contains(name) && !noticed.contains(name))
        .collect();
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

/// The workspace of which something is in what somebody else is told.
fn foreign_mark(caller: &Caller, everything: &str) -> Option<&'static str> {
    let others = MARKS.iter();
    let mut others = others.filter(|(name, _)| *name != caller.reach.workspace());
    let found = others.find(|(_, mark)| everything.contains(mark));
    found.map(|(name, _)| *name)
}

/// What is wrong with an answer, if anything is.
fn complaint(action: &ActionSpec, caller: &Caller, heard: &Heard) -> Option<String> {
    let Heard { status, everything } = heard;
    let who = format!("{} by {} {:?}", action.name, caller.role, caller.reach);
    if let Some(name) = foreign_mark(caller, everything) {
        return Some(format!("{who}: something of {name} in\n{everything}"));
    }
    let bound = matches!(caller.reach, Reach::Bound(_));
    for (name, person) in PEOPLE {
        if bound && name != caller.reach.workspace() && everything.contains(person) {
            return Some(format!("{who}: {person} in\n{everything}"));
        }
    }
    // A tool's refusal is a text in an answer of the protocol, and a call's is in its own envelope.
    let plain = everything.replace('\\', "");
    let refused = |code: &str| plain.contains(&format!("\"code\":\"{code}\""));
    if !caller.may(action.scope) {
        let own = OWN.contains(&action.name) && *status < 500;
        let mut told = MARKS.iter().chain(&PEOPLE);
        if !own && !refused("denied") {
            Some(format!("{who} is let in: {status}\n{everything}"))
        } else if told.any(|(_, mark)| everything.contains(mark)) {
            Some(format!("{who} is told:\n{everything}"))
        } else {
            None
        }
    } else if action.everywhere && bound {
        let right = refused("workspace_denied");
        (!right).then(|| format!("{who} is let in: {status}\n{everything}"))
    } else {
        let kept_out = refused("denied") || refused("workspace_denied") || *status == 403;
        (kept_out || *status >= 500).then(|| format!("{who}: {status}\n{everything}"))
    }
}
