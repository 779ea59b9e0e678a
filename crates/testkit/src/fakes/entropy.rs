//! Chance that comes out the same every time.

use std::sync::{Mutex, PoisonError};

use pts_ports::Entropy;

use crate::generate::Dice;

/// Deterministic bytes that look drawn. Never for secrets.
pub struct SeededEntropy(Mutex<Dice>);

impl SeededEntropy {
    /// The same seed gives the same bytes, in the same order.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Dice::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn draw(&self) -> [u8; 20] {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = [0; 20];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_draw_and_no_two_draws_agree() {
        let (one, other) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let draws = [one.draw(), one.draw()];
        assert_ne!(draws[0], draws[1]);
        assert_eq!(draws, [other.draw(), other.draw()]);
        assert_ne!(SeededEntropy::new(8).draw(), draws[0]);
    }
}
