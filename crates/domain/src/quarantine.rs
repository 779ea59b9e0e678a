//! What was sent and is no event: put aside with the reason, so that nothing is lost, within bounds,
//! so that nobody can fill the store with it. What has become valid since, because a later version
//! asks for less, is replayed from here.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::accounting::{Outcome, usable_name};
use crate::event::Form;
use crate::{FieldError, Timestamp};

/// Items that may wait at the same time.
pub const MOST_WAITING: u64 = 100_000;
/// Bytes that the items that wait may have together, their errors included.
pub const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// New items of one token within [`LATELY`].
pub const MOST_LATELY: u64 = 1_000;
/// The time for which [`MOST_LATELY`] holds.
pub const LATELY: Duration = Duration::minutes(1);
/// Bytes of one item.
pub const LARGEST_ITEM: usize = 1024 * 1024;
/// Waiting for longer than this, an item is discarded.
pub const WAITS: Duration = Duration::days(30);
/// The reason that stands at an item that waited too long.
pub const WAITED_TOO_LONG: &str = "nobody looked after it for 30 days";
/// For so long it is remembered that an item was replayed or discarded.
pub const REMEMBERED: Duration = Duration::days(90);
/// Errors that are kept of one item.
const MOST_ERRORS: usize = 20;

/// What became of an item.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits to be replayed or discarded.
    Waiting,
    /// It became an event, or turned out to be one that was there.
    Replayed,
    /// Somebody gave it up, or it waited too long.
    Discarded,
}

impl State {
    /// Every state there is.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Replayed, Self::Discarded];

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Its name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

/// The text of an item as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What was sent; bytes that are not UTF-8 are U+FFFD.
    pub text: String,
    /// Whether it is JSON.
    pub readable: bool,
}

/// Tells whether a sender sent the same again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// An item on its way into quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Names it: a version 7 UUID of the moment of receipt.
    pub id: Uuid,
    /// When it was received.
    pub received_at: Timestamp,
    /// The token that it came with.
    pub sender: Uuid,
    /// Whose it says it is, if it says so in a way that could be accepted.
    pub source: Option<String>,
    /// Of which type it says it is, likewise.
    pub event_type: Option<String>,
    /// How strictly it was read.
    pub form: Form,
    /// What was sent.
    pub text: Text,
    /// Why it is no event.
    pub errors: Vec<FieldError>,
}

impl NewItem {
    /// Puts together what is kept. Of very many errors the first ones are.
    pub fn new(
        (id, received_at, sender): (Uuid, Timestamp, Uuid),
        form: Form,
        text: String,
        errors: &[FieldError],
    ) -> Self {
        let value: Option<Value> = serde_json::from_str(&text).ok();
        let named = |field: &str| {
            let text = value.as_ref()?.get(field)?.as_str()?;
            usable_name(text).map(ToOwned::to_owned)
        };
        Self {
            id,
            received_at,
            sender,
            source: named("source"),
            event_type: named("type"),
            form,
            text: Text {
                readable: value.is_some(),
                text,
            },
            errors: tidy(errors),
        }
    }

    /// The same for the same text from the same sender, and for nothing else.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.sender.as_bytes());
        hash.update(form_name(self.form));
        hash.update(&self.text.text);
        let full: [u8; 32] = hash.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Fingerprint(short)
    }

    /// What it weighs against [`MOST_BYTES`].
    pub fn bytes(&self) -> u64 {
        let errors = self.errors.iter().map(|error| {
            let found = error.found.as_ref().map_or(0, String::len);
            error.field.len() + error.code.len() + error.expected.len() + found + 60
        });
        (self.text.text.len() + errors.sum::<usize>()) as u64
    }
}

/// The errors that are kept of an item: not too many, and without the one character that no store
/// takes.
pub fn tidy(errors: &[FieldError]) -> Vec<FieldError> {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let kept = errors.iter().take(MOST_ERRORS).map(|error| FieldError {
        field: clean(&error.field),
        code: clean(&error.code),
        found: error.found.as_deref().map(clean),
        expected: clean(&error.expected),
    });
    kept.collect()
}

/// How a form is called in a store.
pub const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Lenient => "lenient",
        Form::CloudEvents => "cloudevents",
    }
}

/// The form of that name.
pub fn form_named(name: &str) -> Option<Form> {
    [Form::Lenient, Form::CloudEvents]
        .into_iter()
        .find(|form| form_name(*form) == name)
}

/// An item in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Names it, and the event that it may become.
    pub id: Uuid,
    /// When it was received first.
    pub received_at: Timestamp,
    /// When it was received last.
    pub last_at: Timestamp,
    /// How many times it was sent while it waited.
    pub times: u64,
    /// The token that it came with.
    pub sender: Uuid,
    /// Whose it says it is.
    pub source: Option<String>,
    /// Of which type it says it is.
    pub event_type: Option<String>,
    /// How strictly it is read.
    pub form: Form,
    /// What was sent; not given by lists, and gone once it no longer waits.
    pub text: Option<Text>,
    /// What it weighs.
    pub bytes: u64,
    /// Why it is no event, as of the last look at it.
    pub errors: Vec<FieldError>,
    /// What became of it.
    pub state: State,
    /// When that, or its errors, last changed.
    pub changed_at: Timestamp,
    /// The event that it became, or was.
    pub replayed_as: Option<Uuid>,
    /// Why it was discarded.
    pub reason: Option<String>,
}

impl From<NewItem> for Item {
    fn from(new: NewItem) -> Self {
        Self {
            bytes: new.bytes(),
            id: new.id,
            received_at: new.received_at,
            last_at: new.received_at,
            times: 1,
            sender: new.sender,
            source: new.source,
            event_type: new.event_type,
            form: new.form,
            text: Some(new.text),
            errors: new.errors,
            state: State::Waiting,
            changed_at: new.received_at,
            replayed_as: None,
            reason: None,
        }
    }
}

/// How much room there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Items that wait.
    pub waiting: u64,
    /// What they weigh.
    pub bytes: u64,
    /// How many of them the sender made within [`LATELY`].
    pub lately: u64,
}

/// What becomes of one item that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept under its id.
    Kept,
    /// It waits already, under this id.
    Again(Uuid),
    /// There is no room for it.
    NoRoom,
}

impl Verdict {
    /// How it is counted.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Kept => Outcome::Quarantined,
            Self::Again(_) => Outcome::Repeated,
            Self::NoRoom => Outcome::Refused,
        }
    }
}

/// Decides for every item of one sender's batch, in order, given which of them wait already and how
/// much room there is; returns what there is afterwards as well.
pub fn admit<S: BuildHasher>(
    batch: &[NewItem],
    known: &HashMap<Fingerprint, Uuid, S>,
    mut room: Room,
) -> (Vec<Verdict>, Room) {
    let mut within: HashMap<Fingerprint, Uuid> = HashMap::new();
    let verdicts = batch.iter().map(|item| {
        let fingerprint = item.fingerprint();
        if let Some(id) = known.get(&fingerprint).or_else(|| within.get(&fingerprint)) {
            return Verdict::Again(*id);
        }
        let fits = item.text.text.len() <= LARGEST_ITEM
            && room.waiting < MOST_WAITING
            && room.lately < MOST_LATELY
            && room.bytes.saturating_add(item.bytes()) <= MOST_BYTES;
        if !fits {
            return Verdict::NoRoom;
        }
        room.waiting += 1;
        room.lately += 1;
        room.bytes += item.bytes();
        within.insert(fingerprint, item.id);
        Verdict::Kept
    });
    let verdicts = verdicts.collect();
    (verdicts, room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(n: u128, text: &str) -> NewItem {
        let now = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
        let errors = [FieldError::missing("type", "every event needs it")];
        let named = (Uuid::from_u128(n), now, Uuid::from_u128(99));
        NewItem::new(named, Form::Lenient, text.to_owned(), &errors)
    }

    #[test]
    fn the_same_text_of_one_sender_is_kept_once() {
        let batch = [item(1, "{}"), item(2, "{ }"), item(3, "{}"), item(4, "7")];
        let known = HashMap::from([(item(9, "7").fingerprint(), Uuid::from_u128(9))]);
        let (verdicts, room) = admit(&batch, &known, Room::default());
        let expected = [
            Verdict::Kept,
            Verdict::Kept,
            Verdict::Again(Uuid::from_u128(1)),
            Verdict::Again(Uuid::from_u128(9)),
        ];
        assert_eq!(verdicts, expected);
        assert_eq!((room.waiting, room.lately), (2, 2));
        assert_eq!(room.bytes, batch[0].bytes() + batch[1].bytes());
        let mut other = item(5, "{}");
        other.sender = Uuid::nil();
        assert_ne!(other.fingerprint(), batch[0].fingerprint());
        other = item(5, "{}");
        other.form = Form::CloudEvents;
        assert_ne!(other.fingerprint(), batch[0].fingerprint());
    }

    #[test]
    fn there_is_room_up_to_each_bound_and_none_beyond_it() {
        let bytes = item(1, "{}").bytes();
        let check = |room, expected: [Verdict; 3]| {
            let batch = [item(1, "{}"), item(2, "7"), item(3, "{}")];
            assert_eq!(admit(&batch, &HashMap::new(), room).0, expected, "{room:?}");
        };
        let again = Verdict::Again(Uuid::from_u128(1));
        let first = [Verdict::Kept, Verdict::NoRoom, again];
        let none = [Verdict::NoRoom; 3];
        let room = Room::default();
        check(
            Room {
                waiting: MOST_WAITING - 1,
                ..room
            },
            first,
        );
        check(
            Room {
                waiting: MOST_WAITING,
                ..room
            },
            none,
        );
        check(
            Room {
                lately: MOST_LATELY - 1,
                ..room
            },
            first,
        );
        check(
            Room {
                lately: MOST_LATELY,
                ..room
            },
            none,
        );
        check(
            Room {
                bytes: MOST_BYTES - bytes,
                ..room
            },
            first,
        );
        let large = item(1, &"x".repeat(LARGEST_ITEM + 1));
        assert_eq!(admit(&[large], &HashMap::new(), room).0, [Verdict::NoRoom]);
    }

    #[test]
    fn only_names_that_an_event_could_have_are_taken_out_of_an_item() {
        let names = |text: &str| {
            let item = item(1, text);
            (item.source, item.event_type, item.text.readable)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            names(r#"{"source":"s","type":"deployment.strated"}"#),
            (some("s"), some("deployment.strated"), true)
        );
        assert_eq!(
            names(r#"{"source":"a\u0000b","type":7}"#),
            (None, None, true)
        );
        assert_eq!(names(r#"{"source":" ","type":""}"#), (None, None, true));
        assert_eq!(names("[1]"), (None, None, true));
        assert_eq!(names("{\"source\":"), (None, None, false));
    }

    #[test]
    fn errors_are_kept_within_bounds_and_without_nul() {
        let many: Vec<_> = (0..100)
            .map(|_| FieldError::invalid("a\0", "b\0", "c"))
            .collect();
        let kept = tidy(&many);
        assert_eq!(kept.len(), MOST_ERRORS);
        assert_eq!(kept[0], FieldError::invalid("a\u{fffd}", "b\u{fffd}", "c"));
    }
}
