//! Turns: each way comes first, in the middle and last as often as the others, so that none has the
//! caches that another has warmed more often than it warms them itself.

/// The ways in the order of this turn.
pub(crate) fn of<T: Copy, const N: usize>(ways: [T; N], turn: usize) -> [T; N] {
    let mut ways = ways;
    ways.rotate_left(turn / 2 % N);
    if !turn.is_multiple_of(2) {
        ways.reverse();
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_in_every_place_equally_often() {
        for place in 0..3 {
            let there = (0..6).map(|turn| of(['a', 'b', 'c'], turn)[place]);
            let mut there: Vec<char> = there.collect();
            there.sort_unstable();
            assert_eq!(there, ['a', 'a', 'b', 'b', 'c', 'c']);
        }
    }
}
