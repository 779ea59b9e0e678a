//! Whether anything waits in quarantine: known without asking, so that answers need not.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nothing was ever found to be empty at this count.
const NEVER: u64 = u64::MAX;

/// What is known of it.
pub(crate) struct Ward {
    /// How often something was put aside here.
    aside: AtomicU64,
    /// The count at which nothing waited.
    empty_at: AtomicU64,
}

impl Ward {
    pub(crate) const fn new() -> Self {
        Self {
            aside: AtomicU64::new(0),
            empty_at: AtomicU64::new(0),
        }
    }

    /// Something was put aside.
    pub(crate) fn put_aside(&self) {
        self.aside.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether something may wait.
    pub(crate) fn something_waits(&self) -> bool {
        self.aside.load(Ordering::Acquire) != self.empty_at.load(Ordering::Acquire)
    }

    /// How often something was put aside, before somebody looks.
    pub(crate) fn before(&self) -> u64 {
        self.aside.load(Ordering::Acquire)
    }

    /// What somebody found who looked then.
    pub(crate) fn looked(&self, before: u64, waits: bool) {
        let empty_at = if waits { NEVER } else { before };
        self.empty_at.store(empty_at, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_while_somebody_looks_is_not_overlooked() {
        let ward = Ward::new();
        assert!(!ward.something_waits());
        let before = ward.before();
        ward.put_aside();
        ward.looked(before, false);
        assert!(ward.something_waits());
        ward.looked(ward.before(), false);
        assert!(!ward.something_waits());
        ward.looked(ward.before(), true);
        assert!(ward.something_waits());
    }
}
