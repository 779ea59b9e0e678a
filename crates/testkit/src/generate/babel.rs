//! Any events in any order: every family, few names so that they collide, times out of order,
//! foreign types, repeats and conflicts. What a [`Recipe`] says is what comes out, so that a
//! failing case can be made smaller number by number.

use pts_domain::event::NewEvent;
use pts_domain::platform;
use serde_json::{Map, Value, json};

use super::{Dice, Sender, minute};

const SERVICES: [&str; 4] = ["payments", "orders", "Überweisung", "a b/c"];
const ENVIRONMENTS: [&str; 2] = ["production", "staging"];
const INSTANCES: [&str; 3] = ["one", "two", "default"];
const COMPONENTS: [&str; 2] = ["db", "queue"];
const STATES: [&str; 3] = ["primary", "read_only", "down"];
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "2.0.0-rc.1"];

/// How an event comes to be: small numbers, each a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Which type; beyond the platform's own, a foreign one.
    pub kind: u8,
    /// Which service.
    pub service: u8,
    /// Which deployment, instance, image, component, setting or incident.
    pub which: u8,
    /// Which version, state or value.
    pub version: u8,
    /// How long after the beginning of the tests' history it happened.
    pub minute: u16,
    /// Which of the optional fields are there.
    pub optional: u16,
}

/// How many kinds there are: the platform's types and one that is foreign.
pub(super) fn kinds() -> u8 {
    u8::try_from(platform::all().len()).expect("few types") + 1
}

impl Recipe {
    /// Any event.
    pub fn roll(dice: &mut Dice) -> Self {
        let [which, version, service] =
            [0, 1, 2].map(|_| u8::try_from(dice.below(200)).unwrap_or(0));
        Self {
            kind: u8::try_from(dice.below(u64::from(kinds()))).unwrap_or(0),
            service,
            which,
            version,
            // Few enough that some events share a moment.
            minute: u16::try_from(dice.below(500)).unwrap_or(0),
            optional: u16::try_from(dice.below(1 << 16)).unwrap_or(0),
        }
    }

    /// The event in the lenient native form, without `id` and `source`.
    pub fn json(self) -> Value {
        let known = platform::all().get(usize::from(self.kind));
        let data = known.map_or_else(|| self.foreign(), |known| self.data(known));
        let mut event = json!({
            "type": known.map_or("com.acme.order.placed", |known| known.name),
            "data": data,
        });
        // Nearly all senders say when.
        if self.optional & 0xf000 != 0 {
            event["time"] = json!(minute(i64::from(self.minute)));
        }
        if self.has(0) {
            event["subject"] = json!(format!("subject/{}", self.which % 3));
        }
        event
    }

    fn has(self, bit: u32) -> bool {
        self.optional >> bit & 1 == 1
    }

    fn one_of<'a>(choice: u8, of: &[&'a str]) -> &'a str {
        of[usize::from(choice) % of.len()]
    }

    fn foreign(self) -> Value {
        match self.which % 4 {
            0 => json!(null),
            1 => json!([self.version, {"service": 7}]),
            2 => json!("only a text"),
            _ => json!({"service": Self::one_of(self.service, &SERVICES), "order": self.version}),
        }
    }

    fn data(self, known: &platform::EventType) -> Value {
        let service = Self::one_of(self.service, &SERVICES);
        let environment = Self::one_of(self.service / 4, &ENVIRONMENTS);
        let version = Self::one_of(self.version, &VERSIONS);
        let number = u64::from(self.which % 5);
        let mut data = Map::new();
        let needs = |field: &str| known.required.contains(&field);
        let mut put = |field: &str, bit: u32, value: Value| {
            if needs(field) || self.has(bit) {
                data.insert(field.to_owned(), value);
            }
        };
        put("service", 1, json!(service));
        put("environment", 2, json!(environment));
        match known.family {
            "deployment" => {
                put("deployment_id", 0, json!(format!("d-{number}")));
                put("version", 3, json!(version));
                put("image", 4, json!(format!("acme/{service}:{version}")));
                put("commit", 5, json!(format!("c{version}")));
                put("commit_time", 5, json!(minute(i64::from(self.minute) - 30)));
                put("previous_version", 6, json!(VERSIONS[0]));
                put("unplanned", 7, json!(self.has(8)));
                put("reason", 9, json!("because"));
            }
            "service" => {
                put("instance", 3, json!(Self::one_of(self.which, &INSTANCES)));
                put("version", 4, json!(version));
                put("image", 5, json!(format!("acme/{service}:{version}")));
                put("ttl_s", 6, json!(60 + number));
                put("exit_code", 7, json!(number));
                put("reason", 8, json!("because"));
            }
            "image" => {
                put("image", 0, json!(format!("acme/app{}", self.which % 2)));
                let digest = json!(format!("sha256:{:064x}", u64::from(self.version % 4)));
                if self.has(3) || self.has(4) {
                    put("digest", 3, digest);
                    put("tag", 4, json!(version));
                } else {
                    put("tag", 2, json!(version));
                    put("digest", 1, digest);
                    put("tag", 1, json!("latest"));
                }
                put("vulnerabilities", 5, json!({"critical": number, "low": 2}));
                put("size_bytes", 6, json!(number << 30));
            }
            "state" => {
                put("component", 0, json!(Self::one_of(self.which, &COMPONENTS)));
                put("to", 0, json!(Self::one_of(self.version, &STATES)));
                put("from", 3, json!(Self::one_of(self.version / 3, &STATES)));
                put("reason", 4, json!("because"));
            }
            "config" => {
                put("key", 0, json!(format!("key.{}", self.which % 3)));
                // A store may spell numbers in its own way; `from` must still fit what was `to`.
                let values = [
                    json!(1),
                    json!(2.5),
                    json!(1e16),
                    json!("x"),
                    json!(null),
                    json!({"deep": [-0.0, 1e300]}),
                ];
                let from = usize::from(self.version / 3) + usize::from(self.which);
                put("from", 3, values[from % values.len()].clone());
                put(
                    "to",
                    4,
                    values[usize::from(self.version) % values.len()].clone(),
                );
            }
            "incident" => {
                put("incident_id", 0, json!(format!("INC-{number}")));
                put("severity", 3, json!("SEV1"));
                put("title", 4, json!("it hurts"));
                put("deployment_id", 5, json!(format!("d-{number}")));
            }
            _ => {
                put("message", 0, json!("something"));
                put("name", 0, json!("queue.depth"));
                put("value", 0, json!(f64::from(self.version) / 3.0));
            }
        }
        // An image needs one of the two.
        if known.family == "image" && !data.contains_key("digest") {
            data.entry("tag").or_insert_with(|| json!("latest"));
        }
        Value::Object(data)
    }
}

/// A stream of any events, decided by a seed.
pub struct Babel {
    dice: Dice,
    sender: Sender,
    sent: Vec<NewEvent>,
}

impl Babel {
    /// The same seed gives the same stream.
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            sender: Sender::named(&format!("babel/{seed}")),
            sent: Vec::new(),
        }
    }

    /// The next event. One in twenty repeats an earlier one, one in a hundred contradicts it.
    pub fn event(&mut self) -> NewEvent {
        if !self.sent.is_empty() && self.dice.chance(5) {
            let earlier = self.dice.below(self.sent.len() as u64);
            let earlier = &self.sent[usize::try_from(earlier).expect("within the list")];
            let mut again = self.sender.again(earlier);
            if self.dice.chance(20) {
                again.event.subject = Some("another subject".to_owned());
            }
            return again;
        }
        let event = self.sender.read(Recipe::roll(&mut self.dice).json());
        self.sent.push(event.clone());
        event
    }

    /// So many events.
    pub fn events(&mut self, count: usize) -> Vec<NewEvent> {
        (0..count).map(|_| self.event()).collect()
    }

    /// So many events in batches of any size up to `largest`.
    pub fn batches(&mut self, count: usize, largest: u64) -> Vec<Vec<NewEvent>> {
        let mut events = self.events(count);
        let mut batches = Vec::new();
        while !events.is_empty() {
            let size = usize::try_from(self.dice.below(largest) + 1).unwrap_or(1);
            let rest = events.split_off(size.min(events.len()));
            batches.push(std::mem::replace(&mut events, rest));
        }
        batches
    }
}
