//! The machine's own clock and randomness, behind the ports for them.

use pts_domain::{Timestamp, time};
use pts_ports::{Clock, Entropy};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    fn now(&self) -> Timestamp {
        time::to_micros(chrono::Utc::now())
    }
}

/// The machine's randomness.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret can be made: stop"
    )]
    fn draw(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }
}

/// The machine's name, as far as it has one that can be shown.
pub(crate) fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name.len() <= 200).then(|| name.to_owned())
}

/// The account that this process runs as, as far as the machine tells.
pub(crate) fn account() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let itself = std::fs::metadata("/proc/self").ok()?;
    Some(format!("uid:{}", itself.uid()))
}

/// The time, in the standard library's own type.
pub(crate) fn wall_clock() -> std::time::SystemTime {
    SystemClock.now().into()
}
