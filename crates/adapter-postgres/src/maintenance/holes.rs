//! Positions without an event: holes that retention made and recorded, and losses.

/// A stretch of the log out of which retention took events, and how many are missing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) removed: i64,
    missing: i64,
}

/// Holds what is missing from the log against what was removed from it.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// In order, none touching another.
    stretches: Vec<Stretch>,
}

impl Holes {
    /// From the records: first and last position removed, and how many were. Records whose
    /// stretches touch are taken together: at the turn of a month events of both stand mixed.
    pub(super) fn of(mut records: Vec<(i64, i64, i64)>) -> Self {
        records.sort_unstable();
        let mut stretches: Vec<Stretch> = Vec::new();
        for (first, last, removed) in records {
            match stretches.last_mut() {
                Some(before) if first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(last);
                    before.removed = before.removed.saturating_add(removed);
                }
                _ => stretches.push(Stretch {
                    first,
                    last,
                    removed,
                    missing: 0,
                }),
            }
        }
        Self { stretches }
    }

    /// Takes note that the positions from `first` to `last` have no event; tells whether retention
    /// may have taken all of them.
    pub(super) fn found(&mut self, first: i64, last: i64) -> bool {
        let mut unexplained = last - first + 1;
        let begin = self.stretches.partition_point(|one| one.last < first);
        for stretch in &mut self.stretches[begin..] {
            if stretch.first > last {
                break;
            }
            let common = stretch.last.min(last) - stretch.first.max(first) + 1;
            stretch.missing += common;
            unexplained -= common;
        }
        unexplained == 0
    }

    /// Stretches from which more or less is missing than was removed, once all holes were found.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let wrong = self
            .stretches
            .iter()
            .filter(|one| one.missing != one.removed);
        wrong.map(|one| {
            format!(
                "{} to {}: retention removed {} events and {} are missing",
                one.first, one.last, one.removed, one.missing
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        records: &[(i64, i64, i64)],
        holes: &[(i64, i64)],
        unexplained: usize,
        wrong: &[&str],
    ) {
        let mut found = Holes::of(records.to_vec());
        let lost = holes
            .iter()
            .filter(|(first, last)| !found.found(*first, *last));
        assert_eq!(lost.count(), unexplained, "{records:?} {holes:?}");
        assert_eq!(
            found.faults().collect::<Vec<_>>(),
            wrong,
            "{records:?} {holes:?}"
        );
    }

    #[test]
    fn a_hole_is_explained_by_a_record_of_as_many() {
        check(&[(3, 9, 4)], &[(3, 3), (5, 6), (9, 9)], 0, &[]);
        check(&[], &[(3, 3)], 1, &[]);
        check(&[(3, 9, 4)], &[(3, 3), (5, 6), (9, 9), (11, 11)], 1, &[]);
    }

    #[test]
    fn a_loss_among_what_was_removed_is_noticed_by_the_count() {
        let too_many = ["3 to 9: retention removed 2 events and 3 are missing"];
        check(&[(3, 9, 2)], &[(3, 4), (9, 9)], 0, &too_many);
        let too_few = ["3 to 9: retention removed 2 events and 1 are missing"];
        check(&[(3, 9, 2)], &[(3, 3)], 0, &too_few);
    }

    #[test]
    fn months_that_touch_or_mix_are_taken_together() {
        let mixed = [(1, 10, 6), (8, 20, 10), (21, 22, 2)];
        check(&mixed, &[(1, 5), (8, 20)], 0, &[]);
        check(&[(1, 10, 10), (12, 20, 9)], &[(1, 10), (12, 20)], 0, &[]);
        // One hole over both, and over an event between them that nobody removed.
        check(&[(1, 10, 10), (12, 20, 9)], &[(1, 20)], 1, &[]);
    }
}
