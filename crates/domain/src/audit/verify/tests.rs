//! Each tampering in the ways in which somebody would do it, and every single place of a chain.

use super::super::entry::tests::record;
use super::super::{Checkpoint, Entry, SigningKey};
use super::*;
use crate::Timestamp;

const LENGTH: u32 = 12;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn chain() -> Vec<Entry> {
    let mut head = Head::START;
    (1..=LENGTH).map(|n| head.seal(record(n))).collect()
}

fn stored(entry: &Entry) -> Stored {
    Stored {
        sequence: entry.sequence,
        previous: Some(entry.previous),
        hash: Some(entry.hash),
        record: Some(entry.record.clone()),
    }
}

fn rows() -> Vec<Stored> {
    chain().iter().map(stored).collect()
}

fn signed(sequence: usize) -> Checkpoint {
    let entry = &chain()[sequence - 1];
    let head = Head {
        sequence: entry.sequence,
        hash: entry.hash,
    };
    Checkpoint::sign(head, Timestamp::UNIX_EPOCH, &key()).unwrap()
}

/// The end as the store has it where nobody thought of it.
fn end() -> Head {
    let last = chain().pop().unwrap();
    Head {
        sequence: last.sequence,
        hash: last.hash,
    }
}

/// The end that somebody gives who thinks of everything.
fn end_of(rows: &[Stored]) -> Head {
    rows.last().map_or(Head::START, |row| Head {
        sequence: row.sequence,
        hash: row.hash.unwrap(),
    })
}

fn read(rows: Vec<Stored>, checkpoints: &[Checkpoint], end: Head) -> Report {
    let mut verifier = Verifier::new(vec![key().public()]);
    for checkpoint in checkpoints {
        verifier.checkpoint(checkpoint);
    }
    for row in rows {
        verifier.look(row);
    }
    verifier.finish(Some(end))
}

#[track_caller]
fn finds(rows: Vec<Stored>, checkpoints: &[Checkpoint], kind: Tampering, first: i64) {
    let end = end_of(&rows);
    let report = read(rows, checkpoints, end);
    let fault = report.fault.expect("something is wrong");
    assert_eq!((fault.kind, fault.first), (kind, first), "{fault}");
    assert!(!report.flaws.is_empty() || report.head.sequence >= first - 1);
}

/// Gives the rows the numbers of their places.
fn renumbered(mut rows: Vec<Stored>) -> Vec<Stored> {
    for (row, sequence) in rows.iter_mut().zip(1..) {
        row.sequence = sequence;
    }
    rows
}

/// Makes all hashes from a place on right again.
fn rehashed(mut rows: Vec<Stored>, from: usize) -> Vec<Stored> {
    let mut head = from.checked_sub(2).map_or(Head::START, |before| Head {
        sequence: rows[before].sequence,
        hash: rows[before].hash.unwrap(),
    });
    for row in &mut rows[from - 1..] {
        let entry = head.seal(row.record.clone().unwrap());
        *row = stored(&entry);
    }
    rows
}

fn forge(row: &mut Stored) {
    row.record.as_mut().unwrap().action = "something.else".into();
}

#[test]
fn a_chain_that_nobody_touched_is_sound() {
    let report = read(rows(), &[signed(4), signed(9)], end());
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.entries, report.checkpoints), (12, 2));
    assert_eq!((report.head, report.unsigned), (end(), 3));
    let nothing = Verifier::new(Vec::new()).finish(Some(Head::START));
    assert!(nothing.is_sound());
}

#[test]
fn an_entry_that_was_changed_is_named() {
    for place in 1..=12_usize {
        let at = i64::try_from(place).unwrap();
        let mut plain = rows();
        forge(&mut plain[place - 1]);
        let report = read(plain.clone(), &[], end());
        let fault = report.fault.unwrap();
        assert_eq!(
            (fault.kind, fault.first),
            (Tampering::Changed, at),
            "{fault}"
        );
        finds(plain.clone(), &[signed(12)], Tampering::Changed, at);
        // What cannot even be read is changed, too.
        plain[place - 1].record = None;
        finds(plain, &[], Tampering::Changed, at);
        let mut unlinked = rows();
        unlinked[place - 1].previous = Some(Hash([9; 32]));
        finds(unlinked, &[], Tampering::Changed, at);
        let mut hash = rows();
        hash[place - 1].hash = Some(Hash([9; 32]));
        finds(hash.clone(), &[signed(12)], Tampering::Changed, at);
        hash[place - 1].hash = None;
        let report = read(hash, &[], end());
        assert_eq!(report.fault.unwrap().first, at);
    }
}

#[test]
fn an_entry_that_was_changed_and_hashed_anew_is_named() {
    for place in 1..=12_usize {
        let at = i64::try_from(place).unwrap();
        let mut rows = rows();
        forge(&mut rows[place - 1]);
        let alone = rehashed(rows[..place].to_vec(), place).pop().unwrap();
        rows[place - 1] = alone;
        let report = read(rows.clone(), &[], end());
        let fault = report.fault.unwrap();
        assert_eq!(
            (fault.kind, fault.first),
            (Tampering::Changed, at),
            "{fault}"
        );
        if place < 12 {
            finds(rows, &[signed(place)], Tampering::Changed, at);
        }
    }
}

#[test]
fn what_was_written_anew_to_the_end_is_not_what_was_signed() {
    let mut rows = rows();
    forge(&mut rows[6]);
    let rows = rehashed(rows, 7);
    finds(
        rows.clone(),
        &[signed(4), signed(9)],
        Tampering::Rewritten,
        5,
    );
    finds(
        rows.clone(),
        &[signed(6), signed(12)],
        Tampering::Rewritten,
        7,
    );
    // Nothing was signed behind it: nobody can tell.
    assert!(read(rows.clone(), &[signed(6)], end_of(&rows)).is_sound());
}

#[test]
fn entries_that_were_removed_are_named() {
    for place in 1..12_usize {
        let at = i64::try_from(place).unwrap();
        let mut rows = rows();
        rows.remove(place - 1);
        finds(rows.clone(), &[], Tampering::Removed, at);
        finds(renumbered(rows.clone()), &[], Tampering::Removed, at);
        finds(
            renumbered(rows),
            &[signed(3), signed(11)],
            Tampering::Removed,
            at,
        );
    }
    let mut several = rows();
    several.drain(3..7);
    let report = read(several.clone(), &[], end());
    let fault = report.fault.unwrap();
    assert_eq!(
        (fault.kind, fault.first, fault.last),
        (Tampering::Removed, 4, 7)
    );
    finds(renumbered(several), &[], Tampering::Removed, 4);
}

#[test]
fn entries_that_were_inserted_are_named() {
    for place in 1..=12_usize {
        let at = i64::try_from(place).unwrap();
        // With a hash that fits, with one that does not, and with nonsense.
        let mut careful = rows();
        let mut head = place.checked_sub(2).map_or(Head::START, |before| Head {
            sequence: careful[before].sequence,
            hash: careful[before].hash.unwrap(),
        });
        let forged = stored(&head.seal(record(77)));
        careful.insert(place - 1, forged.clone());
        finds(renumbered(careful), &[], Tampering::Inserted, at);

        let mut careless = rows();
        let wrong = Stored {
            hash: Some(Hash([8; 32])),
            ..forged.clone()
        };
        careless.insert(place - 1, wrong.clone());
        finds(renumbered(careless), &[], Tampering::Inserted, at);

        let mut odd = rows();
        let previous = Some(Hash([4; 32]));
        odd.insert(place - 1, Stored { previous, ..wrong });
        finds(renumbered(odd), &[], Tampering::Inserted, at);

        // One of the same number, where nothing forbids it any more.
        let mut twice = rows();
        twice.insert(
            place,
            Stored {
                sequence: at,
                ..forged
            },
        );
        finds(twice, &[], Tampering::Inserted, at);
    }
}

#[test]
fn several_inserted_entries_and_those_behind_the_end_are_named() {
    let mut three = rows();
    let mut head = Head {
        sequence: 5,
        hash: three[4].hash.unwrap(),
    };
    let forged: Vec<_> = (70..73).map(|n| stored(&head.seal(record(n)))).collect();
    three.splice(5..5, forged);
    let report = read(renumbered(three), &[], end());
    let fault = report.fault.unwrap();
    assert_eq!(
        (fault.kind, fault.first, fault.last),
        (Tampering::Inserted, 6, 8)
    );

    for hash in [None, Some(Hash([1; 32]))] {
        let mut behind = rows();
        let mut more = stored(&end().seal(record(77)));
        more.hash = hash.or(more.hash);
        behind.push(more);
        let report = read(behind, &[signed(12)], end());
        let fault = report.fault.unwrap();
        assert_eq!(
            (fault.kind, fault.first),
            (Tampering::Inserted, 13),
            "{fault}"
        );
    }
}

#[test]
fn entries_that_stand_in_each_others_places_are_named() {
    for one in 1..=12_usize {
        for other in one + 1..=12 {
            let at = i64::try_from(one).unwrap();
            let mut swapped = rows();
            swapped.swap(one - 1, other - 1);
            finds(renumbered(swapped), &[], Tampering::Reordered, at);
            // What they say alone.
            let mut words = rows();
            let record = words[one - 1].record.clone();
            words[one - 1].record = words[other - 1].record.take();
            words[other - 1].record = record;
            finds(words, &[signed(12)], Tampering::Reordered, at);
        }
        if (2..12).contains(&one) {
            let at = i64::try_from(one).unwrap();
            // To the end, with and without a hole where it was.
            let mut moved = rows();
            let mut row = moved.remove(one - 1);
            row.sequence = 13;
            moved.push(row);
            finds(moved.clone(), &[], Tampering::Reordered, at);
            finds(renumbered(moved), &[], Tampering::Reordered, at);
            // And to the front.
            let mut moved = rows();
            let row = moved.remove(one - 1);
            moved.insert(0, row);
            finds(renumbered(moved), &[], Tampering::Reordered, 1);
        }
    }
}

#[test]
fn an_end_that_was_cut_off_shows_by_what_was_signed() {
    for left in 0..12_usize {
        let at = i64::try_from(left).unwrap() + 1;
        let rows = rows()[..left].to_vec();
        finds(
            rows.clone(),
            &[signed(2), signed(12)],
            Tampering::Truncated,
            at,
        );
        // Nothing was signed, and the end was not thought of.
        let fault = read(rows, &[], end()).fault.unwrap();
        assert_eq!(
            (fault.kind, fault.first, fault.last),
            (Tampering::Truncated, at, 12)
        );
    }
    // What grew since does not hide it.
    let rows = rehashed(rows()[..6].to_vec(), 1);
    let mut head = end_of(&rows);
    let grown = (80..90).map(|n| stored(&head.seal(record(n))));
    let rows: Vec<_> = rows.iter().cloned().chain(grown).collect();
    finds(rows, &[signed(5), signed(9)], Tampering::Rewritten, 6);
}

#[test]
fn of_several_the_first_is_named() {
    let mut rows = rows();
    forge(&mut rows[8]);
    rows.remove(5);
    forge(&mut rows[2]);
    finds(rows, &[signed(12)], Tampering::Changed, 3);
}

#[test]
fn checkpoints_that_are_no_good_are_told() {
    let mut changed = signed(5);
    changed.hash = Hash([5; 32]);
    let stranger = SigningKey::from_seed(&[8; 32]).unwrap();
    let foreign = Checkpoint::sign(end(), Timestamp::UNIX_EPOCH, &stranger).unwrap();
    let odd = Head {
        sequence: 5,
        hash: Hash([6; 32]),
    };
    let odd = Checkpoint::sign(odd, Timestamp::UNIX_EPOCH, &key()).unwrap();
    let report = read(rows(), &[changed, foreign, signed(5), odd], end());
    assert!(!report.is_sound());
    assert_eq!(report.fault, None, "the entries are fine");
    let said: Vec<_> = report.flaws.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("entry 5: not as the key"), "{said:?}");
    assert!(said[1].contains("entry 12") && said[1].contains("not trusted"));
    assert!(said[2].contains("contradict"));
}
