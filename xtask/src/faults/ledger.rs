//! What was sent and what the service said of it, held against what is stored in the end. This is
//! the heart of the suite: whatever was acknowledged must be there, once, as it was sent.

use std::collections::{BTreeMap, HashMap, btree_map::Entry as Place};

/// What names an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    pub(super) source: String,
    pub(super) id: String,
}

/// An event as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) position: i64,
    /// The id that the service gave it.
    pub(super) id: String,
    pub(super) identity: Identity,
    /// What its data says, in short.
    pub(super) mark: String,
}

/// What is known of one event.
#[derive(Debug, Clone)]
struct Entry {
    mark: String,
    /// The id under which it was acknowledged, if it was.
    told: Option<String>,
    /// How often it was said to be stored just now.
    created: u32,
}

/// What was sent and what was said of it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<Identity, Entry>,
    /// What was said that cannot be right.
    complaints: Vec<String>,
    /// Answers that said it was there already.
    pub(super) repeated: u64,
}

/// At most so many complaints of one kind: the rest look the same.
const SHOWN: usize = 5;

impl Ledger {
    /// An event is about to be sent. A doubt begins that only an answer ends.
    pub(super) fn send(&mut self, identity: &Identity, mark: &str) {
        let entry = Entry {
            mark: mark.to_owned(),
            told: None,
            created: 0,
        };
        self.entries.entry(identity.clone()).or_insert(entry);
    }

    /// The service acknowledged an event: under which id, and whether it was stored just now.
    pub(super) fn told(&mut self, identity: &Identity, id: &str, created: bool) {
        let Some(entry) = self.entries.get_mut(identity) else {
            self.complain(format!("{identity:?} was acknowledged and never sent"));
            return;
        };
        entry.created += u32::from(created);
        let twice = entry.created > 1;
        let before = entry.told.replace(id.to_owned());
        self.repeated += u64::from(!created);
        if twice {
            self.complain(format!(
                "{identity:?} was said to be stored for a second time"
            ));
        }
        if let Some(before) = before.filter(|before| before != id) {
            self.complain(format!(
                "{identity:?} was acknowledged as {before}, later as {id}"
            ));
        }
    }

    /// Something that the service said and that cannot be right.
    pub(super) fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// How many events were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        let told = |entry: &&Entry| entry.told.is_some();
        self.entries.values().filter(told).count()
    }

    /// Takes another writer's ledger into this one. Both may have sent the same event.
    pub(super) fn merge(&mut self, other: Self) {
        self.complaints.extend(other.complaints);
        self.repeated += other.repeated;
        for (identity, entry) in other.entries {
            match self.entries.entry(identity) {
                Place::Vacant(place) => {
                    place.insert(entry);
                }
                Place::Occupied(mut place) => {
                    let known = place.get_mut();
                    known.created += entry.created;
                    let identity = place.key().clone();
                    let known = place.get_mut();
                    if known.created > 1 {
                        let what = format!("{identity:?} was said to be stored by two writers");
                        self.complaints.push(what);
                    }
                    match (&known.told, entry.told) {
                        (Some(one), Some(two)) if *one != two => {
                            let what = format!(
                                "{identity:?} was acknowledged as {one} and, to another, as {two}"
                            );
                            self.complaints.push(what);
                        }
                        (None, told) => known.told = told,
                        _ => {}
                    }
                }
            }
        }
    }

    /// Everything that is wrong: what the service said, and what it stored. `rows` are in order of
    /// position.
    pub(super) fn check(&self, rows: &[Row]) -> Vec<String> {
        let mut stored: HashMap<&Identity, &Row> = HashMap::with_capacity(rows.len());
        let mut twice = Vec::new();
        let mut unsent = Vec::new();
        for row in rows {
            if let Some(first) = stored.insert(&row.identity, row) {
                let (one, two) = (first.position, row.position);
                twice.push(format!(
                    "{:?} is stored twice, at {one} and {two}",
                    row.identity
                ));
            }
            match self.entries.get(&row.identity) {
                Some(entry) if entry.mark == row.mark => {}
                Some(entry) => unsent.push(format!(
                    "{:?} is stored as `{}` and was sent as `{}`",
                    row.identity, row.mark, entry.mark
                )),
                None => unsent.push(format!("{:?} is stored and was never sent", row.identity)),
            }
        }
        let mut missing = Vec::new();
        for (identity, entry) in &self.entries {
            let Some(told) = &entry.told else { continue };
            match stored.get(identity) {
                None => missing.push(format!("{identity:?} was acknowledged and is missing")),
                Some(row) if row.id != *told => missing.push(format!(
                    "{identity:?} was acknowledged as {told} and is stored as {}",
                    row.id
                )),
                Some(_) => {}
            }
        }
        let mut all = shortened(missing);
        all.extend(shortened(twice));
        all.extend(shortened(unsent));
        all.extend(shortened(self.complaints.clone()));
        all
    }
}

/// What is wrong with the places of the log: they go from 1 to the head without a hole.
pub(super) fn check_positions(rows: &[Row], head: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    for (expected, row) in (1..).zip(rows) {
        if row.position != expected {
            wrong.push(format!(
                "position {expected} is missing: {} stands there",
                row.position
            ));
            break;
        }
    }
    let last = rows.last().map_or(0, |row| row.position);
    if last != head {
        wrong.push(format!(
            "the head is at {head} and the last event at {last}"
        ));
    }
    wrong
}

/// The first few of many that look alike.
pub(super) fn shortened(all: Vec<String>) -> Vec<String> {
    shortened_to(all, SHOWN)
}

/// The first of many.
pub(super) fn shortened_to(mut all: Vec<String>, shown: usize) -> Vec<String> {
    let more = all.len().saturating_sub(shown);
    if more > 0 {
        all.truncate(shown);
        all.push(format!("… and {more} more like the last"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: &str) -> Identity {
        Identity {
            source: "w".into(),
            id: id.into(),
        }
    }

    fn row(position: i64, id: &str, mark: &str) -> Row {
        Row {
            position,
            id: format!("uuid-{id}"),
            identity: identity(id),
            mark: mark.into(),
        }
    }

    /// `a` and `b` were acknowledged, `c` is in doubt.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for id in ["a", "b", "c"] {
            ledger.send(&identity(id), &format!("m-{id}"));
        }
        ledger.told(&identity("a"), "uuid-a", true);
        ledger.told(&identity("b"), "uuid-b", false);
        ledger
    }

    #[test]
    fn what_is_in_doubt_may_be_there_or_not() {
        let ledger = ledger();
        assert_eq!(ledger.acknowledged(), 2);
        let mut rows = vec![row(1, "a", "m-a"), row(2, "b", "m-b")];
        assert_eq!(ledger.check(&rows), Vec::<String>::new());
        rows.push(row(3, "c", "m-c"));
        assert_eq!(ledger.check(&rows), Vec::<String>::new());
    }

    #[test]
    fn every_way_to_be_wrong_is_found() {
        let good = || vec![row(1, "a", "m-a"), row(2, "b", "m-b")];
        let check = |rows: &[Row], expected: &str| {
            let found = ledger().check(rows);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        };
        check(&good()[..1], "missing");
        check(&[good(), vec![row(3, "b", "m-b")]].concat(), "stored twice");
        check(&[good(), vec![row(3, "z", "m-z")]].concat(), "never sent");
        let mut other = good();
        other[0].mark = "else".into();
        check(&other, "stored as `else`");
        let mut renamed = good();
        renamed[1].id = "uuid-x".into();
        check(&renamed, "is stored as uuid-x");
    }

    #[test]
    fn one_event_is_stored_once_and_has_one_id_whoever_asks() {
        let mut one = ledger();
        one.told(&identity("a"), "uuid-a", true);
        one.told(&identity("b"), "uuid-other", false);
        let mut two = Ledger::default();
        two.send(&identity("a"), "m-a");
        two.send(&identity("c"), "m-c");
        two.told(&identity("a"), "uuid-else", true);
        two.told(&identity("c"), "uuid-c", true);
        one.merge(two);
        let rows = [row(1, "a", "m-a"), row(2, "b", "m-b"), row(3, "c", "m-c")];
        let found = one.check(&rows).join("\n");
        for part in [
            "for a second time",
            "later as uuid-other",
            "by two writers",
            "to another, as uuid-else",
        ] {
            assert!(found.contains(part), "{part} is not in:\n{found}");
        }
        assert_eq!(one.acknowledged(), 3);
    }

    #[test]
    fn places_have_no_hole_and_end_at_the_head() {
        let rows = [row(1, "a", ""), row(2, "b", ""), row(4, "c", "")];
        assert_eq!(check_positions(&rows[..2], 2), Vec::<String>::new());
        assert_eq!(check_positions(&rows[..2], 3).len(), 1);
        assert_eq!(check_positions(&rows, 4).len(), 1);
        assert_eq!(check_positions(&[], 0), Vec::<String>::new());
    }

    #[test]
    fn many_that_look_alike_are_cut_short() {
        let many = (0..20).map(|n| n.to_string()).collect();
        let shown = shortened(many);
        assert_eq!(shown.len(), SHOWN + 1);
        assert!(shown[SHOWN].contains("15 more"));
    }
}
