//! Every action behind its name: for doors that are told what to do, rather than being built for
//! it. What is done is what a route does, through the same [`Gateway::call`].

use std::collections::HashMap;
use std::sync::LazyLock;

use futures::future::BoxFuture;
use pts_api::actions::events::{AppendInput, Events};
use pts_api::{Action, ActionSpec, Answer, Binding};
use pts_domain::FieldError;
use pts_domain::access::Principal;
use pts_domain::event::Form;
use pts_domain::problem::nearest;
use serde::Serialize;
use serde_json::Value;

use crate::access::facts_of;
use crate::coverage::{Question, found};
use crate::input::Fields;
use crate::preview::needless;
use crate::receipts::{batch, refused};
use crate::{ActionError, CallOptions, Gateway, Item, MOST_EVENTS, Mode, UseCase, Wanted};

/// What the input is called where all of it is wrong.
const PAYLOAD: &str = "payload";

/// An answer under way, whatever is in it.
type Acting<'c> = BoxFuture<'c, Result<Answer<Value>, ActionError>>;

/// Carries an action out whose input is not read yet.
type Act = for<'c> fn(&'c Gateway, &'c Fields, &'c Principal, &'c Value, CallOptions) -> Acting<'c>;

/// An action, and what carries it out; nothing does for what its own route alone can give.
struct Entry {
    spec: ActionSpec,
    fields: Fields,
    act: Option<Act>,
}

static ENTRIES: LazyLock<HashMap<&str, Entry>> = LazyLock::new(|| {
    let mut entries = HashMap::new();
    macro_rules! register {
        (answer $action:ty) => {
            register::<$action>(&mut entries, Some(one_answer::<$action>))
        };
        (ingest $action:ty) => {
            register::<$action>(&mut entries, Some(taken_in))
        };
        ($own_route_only:ident $action:ty) => {
            register::<$action>(&mut entries, None)
        };
    }
    pts_api::each_action!(register);
    entries
});

fn register<A: Action>(entries: &mut HashMap<&str, Entry>, act: Option<Act>) {
    let entry = Entry {
        spec: ActionSpec::of::<A>(),
        fields: Fields::of::<A::Input>(),
        act,
    };
    entries.insert(A::NAME, entry);
}

impl Gateway {
    /// Carries out the action of that name, with an input that is still to be read. The caller is
    /// checked, limited and answered as by [`Gateway::call`], because that is what carries it out.
    ///
    /// # Errors
    /// [`ActionError::UnknownAction`]; [`ActionError::OwnRoute`] for a stream, a download or a
    /// feed;
    /// [`ActionError::Invalid`] for an input that is none, with paths from its top; and whatever
    /// the action itself refuses with.
    pub async fn act(
        &self,
        principal: &Principal,
        key: &str,
        payload: &Value,
        options: CallOptions,
    ) -> Result<Answer<Value>, ActionError> {
        let entry = ENTRIES.get(key).ok_or_else(|| unknown(key))?;
        // Before anything is said about what was sent, as on the route.
        let wanted = Wanted::from(&entry.spec);
        self.admit_with(principal, wanted, Some(payload))?;
        let Some(act) = entry.act else {
            return Err(ActionError::OwnRoute {
                action: entry.spec.name,
                path: entry.spec.path,
            });
        };
        if options.deny_partial && entry.spec.binding != Binding::Query {
            let expected = "it with questions only: what is done stays done";
            let error = FieldError::invalid("partial", "deny", expected);
            return Err(ActionError::Invalid(vec![error]));
        }
        if options.confirm.is_some() && !entry.spec.risky {
            return Err(needless(entry.spec.name));
        }
        let answered = act(self, &entry.fields, principal, payload, options).await;
        match answered {
            // What is wrong with the input is not said to those who could only name their own with it.
            Err(ActionError::Invalid(errors)) if entry.spec.free_for_own => {
                self.admit_with(principal, wanted.of_others(), Some(payload))?;
                Err(ActionError::Invalid(errors))
            }
            answered => answered,
        }
    }

    /// The actions that somebody may carry out by their names, in the order of the reference. To be
    /// told is a question like any other.
    ///
    /// # Errors
    /// [`ActionError::Limited`].
    pub fn callable(&self, principal: &Principal) -> Result<Vec<ActionSpec>, ActionError> {
        self.gate.call(principal.token_id, self.now())?;
        let may = |action: &ActionSpec| self.authorise(principal, &facts_of(action)).is_ok();
        let mut all = pts_api::actions::all();
        all.retain(|action| is_callable(action.name) && may(action));
        Ok(all)
    }
}

/// The name of an action, if there is one: as it is declared, to be kept for as long as one likes.
pub fn known_action(key: &str) -> Option<&'static str> {
    ENTRIES.get(key).map(|entry| entry.spec.name)
}

/// Whether an action can be carried out by its name: all but streams.
pub fn is_callable(key: &str) -> bool {
    ENTRIES.get(key).is_some_and(|entry| entry.act.is_some())
}

/// What is said about a name that stands for nothing.
pub(crate) fn unknown(key: &str) -> ActionError {
    let all = pts_api::actions::all();
    let names = || all.iter().map(|action| action.name);
    let first = nearest(key, names());
    // Beside a typing error: what else there is about the same thing.
    let same_area = |name: &&str| match (area(key), area(name)) {
        (Some(asked), Some(known)) => nearest(asked, [known]).is_some(),
        _ => false,
    };
    let others = names().filter(|name| first != Some(name));
    let others = others.filter(same_area);
    ActionError::UnknownAction {
        key: key.to_owned(),
        near: first.into_iter().chain(others).take(MOST_NEAR).collect(),
    }
}

/// How many names are offered in the place of one that is not known.
const MOST_NEAR: usize = 5;

/// What an action is about: `events` for `platform.events.search`.
fn area(name: &str) -> Option<&str> {
    name.split('.').nth(1)
}

fn one_answer<'c, A: Action>(
    gateway: &'c Gateway,
    fields: &'c Fields,
    principal: &'c Principal,
    payload: &'c Value,
    options: CallOptions,
) -> Acting<'c>
where
    Gateway: UseCase<A>,
{
    Box::pin(async move {
        let input = fields
            .read(payload, PAYLOAD)
            .map_err(ActionError::Invalid)?;
        let answer = gateway.call::<A>(principal, input, options).await?;
        let Answer {
            data,
            coverage,
            warnings,
            next_cursor,
        } = answer;
        Ok(Answer {
            data: erased(&data)?,
            coverage,
            warnings,
            next_cursor,
        })
    })
}

/// Events in: as `POST /v1/events` takes them, except that a batch is what is answered for one
/// event too.
fn taken_in<'c>(
    gateway: &'c Gateway,
    fields: &'c Fields,
    principal: &'c Principal,
    payload: &'c Value,
    _: CallOptions,
) -> Acting<'c> {
    Box::pin(async move {
        let _share = gateway.share(principal, size(payload)).await?;
        let input: AppendInput = fields
            .read(payload, PAYLOAD)
            .map_err(ActionError::Invalid)?;
        let (events, parameters) = input.apart();
        let mode = Mode::from(&parameters);
        let (items, alone) = items(events)?;
        let outcomes = gateway
            .ingest(principal, items, Form::Lenient, mode)
            .await?;
        if let (true, [outcome]) = (alone, outcomes.as_slice())
            && let Some(problem) = refused(outcome)
        {
            return Err(ActionError::NotAccepted(Box::new(problem)));
        }
        let result = batch(outcomes);
        let rejected = result.rejected;
        let mut taken = found(erased(&result)?, Question::itself());
        if rejected > 0 {
            let of = result.items.len();
            let warning = format!("of {of} events, {rejected} were not accepted: see `items`");
            taken.warnings.push(warning);
        }
        Ok(gateway.of(principal).assemble(taken).await)
    })
}

/// About so many bytes came: what stands between the texts of most events is small.
fn size(payload: &Value) -> usize {
    match payload {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, of)| name.len() + size(of)).sum(),
    }
}

/// The events of an input, and whether it is one that came alone.
fn items(events: Events) -> Result<(Vec<Item>, bool), ActionError> {
    match events {
        Events::One(event) => Ok((vec![Item::bounded(event)], true)),
        Events::Many(events) if (1..=MOST_EVENTS).contains(&events.len()) => {
            Ok((events.into_iter().map(Item::bounded).collect(), false))
        }
        Events::Many(events) => {
            let found = format!("{} events", events.len());
            let expected = format!("1 to {MOST_EVENTS}");
            let error = FieldError::invalid(AppendInput::BODY, found, expected);
            Err(ActionError::Invalid(vec![error]))
        }
    }
}

fn erased(data: &impl Serialize) -> Result<Value, ActionError> {
    serde_json::to_value(data).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        ActionError::Internal
    })
}
