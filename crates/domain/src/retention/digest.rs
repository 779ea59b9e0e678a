//! What names a set of removed events for ever, so that a copy of them (a backup, an archive) can
//! be held against the record of their removal.

use sha2::{Digest, Sha256};

use crate::event::ContentDigest;

/// Positions are hashed in blocks of so many, so that a store can work block by block.
const BLOCK: i64 = 65_536;

/// SHA-256 over blocks: the events in the order of their positions, cut wherever `position / 65536`
/// changes; a block's hash is over each event's position (8 bytes, the highest first) and content
/// digest (16 bytes); the whole is over the blocks' hashes in order.
#[derive(Debug, Clone, Default)]
pub struct RemovalDigest {
    number: i64,
    block: Option<Sha256>,
    whole: Sha256,
}

impl RemovalDigest {
    /// How many positions a block has.
    pub const BLOCK: i64 = BLOCK;

    /// Adds the next event.
    pub fn add(&mut self, position: i64, digest: ContentDigest) {
        let number = position.div_euclid(BLOCK);
        if number != self.number {
            self.close_block();
            self.number = number;
        }
        let block = self.block.get_or_insert_default();
        block.update(position.to_be_bytes());
        block.update(digest.0);
    }

    /// The digest of everything that was added.
    pub fn finish(mut self) -> [u8; 32] {
        self.close_block();
        self.whole.finalize().into()
    }

    fn close_block(&mut self) {
        if let Some(block) = self.block.take() {
            self.whole.update(block.finalize());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(events: &[(i64, u8)]) -> [u8; 32] {
        let mut digest = RemovalDigest::default();
        for (position, byte) in events {
            digest.add(*position, ContentDigest([*byte; 16]));
        }
        digest.finish()
    }

    #[test]
    fn every_position_every_content_and_every_block_counts() {
        let sets: [&[(i64, u8)]; 7] = [
            &[],
            &[(1, 1)],
            &[(2, 1)],
            &[(1, 2)],
            &[(1, 1), (2, 1)],
            &[(1, 1), (BLOCK, 1)],
            &[(BLOCK, 1), (BLOCK + 1, 1)],
        ];
        for (n, one) in sets.iter().enumerate() {
            for other in &sets[n + 1..] {
                assert_ne!(of(one), of(other), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn it_is_the_hash_of_the_hashes_of_blocks() {
        let block = |events: &[(i64, u8)]| {
            let mut hash = Sha256::new();
            for (position, byte) in events {
                hash.update(position.to_be_bytes());
                hash.update([*byte; 16]);
            }
            hash.finalize()
        };
        let mut whole = Sha256::new();
        whole.update(block(&[(7, 1), (BLOCK - 1, 2)]));
        whole.update(block(&[(BLOCK, 3)]));
        let want: [u8; 32] = whole.finalize().into();
        assert_eq!(of(&[(7, 1), (BLOCK - 1, 2), (BLOCK, 3)]), want);
    }
}
