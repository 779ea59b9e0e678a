//! Whole stories of deployments, for figures that can be worked out twice: commits, failures,
//! rollbacks, incidents that name what caused them and incidents that do not, unplanned work.

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::dora::Window;
use serde_json::{Value, json};

use super::{Dice, epoch};

/// A story, as its senders told it.
pub struct Scenario {
    /// Raw events in the lenient native form, each with `id` and `source`, in the order in which
    /// they arrive: within one deployment or incident as they happened, but some later than others.
    pub events: Vec<Value>,
    /// A window that leaves out the beginning and the end of the story.
    pub window: Window,
}

/// A story of `count` deployments of `services` services into two environments over 90 days.
pub fn deployments(seed: u64, count: u32, services: u32) -> Scenario {
    let mut teller = Teller {
        dice: Dice::new(seed),
        told: Vec::new(),
        incidents: 0,
    };
    for number in 0..count {
        teller.deployment(number, services);
    }
    for _ in 0..count / 20 {
        let service = format!("service-{:02}", teller.dice.below(u64::from(services)));
        teller.trouble_of_its_own(&service);
    }
    // Late ones overtake each other, but never an event of the same deployment or incident.
    teller.told.sort_by_key(|told| told.arrives);
    let events = (1..).zip(teller.told).map(|(number, told)| {
        let mut event = told.event;
        event["source"] = json!("story");
        event["id"] = json!(format!("{seed}-{number}"));
        event
    });
    Scenario {
        events: events.collect(),
        window: Window {
            from: epoch() + Duration::days(10),
            to: epoch() + Duration::days(80),
        },
    }
}

struct Told {
    arrives: Timestamp,
    event: Value,
}

struct Teller {
    dice: Dice,
    told: Vec<Told>,
    incidents: u32,
}

impl Teller {
    /// Tells one event that happened at `time` and arrives `late` after that.
    fn tell(&mut self, event_type: &str, time: Timestamp, late: Duration, data: Value) {
        let mut event = json!({"type": event_type, "time": time});
        event["data"] = data;
        self.told.push(Told {
            arrives: time + late,
            event,
        });
    }

    fn seconds(&mut self, from: i64, to: i64) -> Duration {
        Duration::seconds(self.dice.range(from, to))
    }

    fn deployment(&mut self, number: u32, services: u32) {
        let service = format!("service-{:02}", number % services);
        let environment = self.environment().to_owned();
        let asked = epoch() + self.seconds(0, 90 * 86_400);
        let late = if self.dice.chance(10) {
            self.seconds(0, 6 * 3_600)
        } else {
            Duration::zero()
        };
        // Some senders number their deployments by service: the same id means another one then.
        let deployment_id = match self.dice.below(3) {
            0 => format!("d-{}", number / services),
            _ => format!("d-{service}-{number}"),
        };
        let mut data = json!({
            "service": service, "environment": environment, "deployment_id": deployment_id,
            "version": format!("1.{number}"),
        });
        if self.dice.chance(80) {
            let written = if self.dice.chance(3) {
                // A clock that runs ahead.
                asked + Duration::days(2)
            } else {
                asked - self.seconds(60, 5 * 86_400)
            };
            data["commit"] = json!(format!("{number:040x}"));
            data["commit_time"] = json!(written);
        }
        match self.dice.below(10) {
            0 => data["unplanned"] = json!(true),
            1 => data["unplanned"] = json!(false),
            _ => {}
        }
        let begun = asked + self.seconds(1, 600);
        let ended = begun + self.seconds(10, 3_600);
        if self.dice.chance(70) {
            self.tell("deployment.requested", asked, late, data.clone());
        }
        if self.dice.chance(95) {
            self.tell("deployment.started", begun, late, data.clone());
        }
        let end = match self.dice.below(100) {
            0..80 => "deployment.succeeded",
            80..92 => "deployment.failed",
            92..97 => "deployment.cancelled",
            // Nobody ever said how it ended.
            _ => return,
        };
        self.tell(end, ended, late, data.clone());
        if end != "deployment.succeeded" {
            return;
        }
        let hurts = self.dice.chance(15);
        if hurts {
            self.incident_of(&data, ended);
        }
        if self.dice.chance(if hurts { 50 } else { 3 }) {
            let back = ended + self.seconds(60, 7_200);
            self.tell("deployment.rolled_back", back, late, data);
        }
    }

    /// An incident that says which deployment caused it; sometimes two.
    fn incident_of(&mut self, deployment: &Value, after: Timestamp) {
        for _ in 0..=u8::from(self.dice.chance(20)) {
            let mut data = json!({"deployment_id": deployment["deployment_id"]});
            // An incident that says neither is about whatever deployment has that id.
            if self.dice.chance(90) {
                data["service"] = deployment["service"].clone();
                data["environment"] = deployment["environment"].clone();
            }
            let opened = after + self.seconds(0, 1_800);
            self.incident(opened, &data);
        }
    }

    /// An incident that no deployment caused, or one that nobody reported.
    fn trouble_of_its_own(&mut self, service: &str) {
        let mut data = json!({"service": service});
        if self.dice.chance(80) {
            data["environment"] = json!(self.environment());
        }
        if self.dice.chance(20) {
            data["deployment_id"] = json!("nobody-reported-it");
        }
        let opened = epoch() + self.seconds(0, 90 * 86_400);
        self.incident(opened, &data);
    }

    fn incident(&mut self, opened: Timestamp, data: &Value) {
        self.incidents += 1;
        let mut data = data.clone();
        data["incident_id"] = json!(format!("INC-{}", self.incidents));
        let mut first = data.clone();
        first["severity"] = json!("SEV2");
        first["title"] = json!("it hurts");
        self.tell("incident.opened", opened, Duration::zero(), first);
        if self.dice.chance(90) {
            let resolved = opened + self.seconds(300, 8 * 3_600);
            self.tell("incident.resolved", resolved, Duration::zero(), data);
        }
    }

    fn environment(&mut self) -> &'static str {
        if self.dice.chance(75) {
            "production"
        } else {
            "staging"
        }
    }
}
