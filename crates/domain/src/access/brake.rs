//! A brake on guessing. Every try that fails costs the address, the network and the beginning of the
//! token that it came with; who has nothing left is told when there will be again, and costs nothing
//! more meanwhile. What is kept is bounded, and those who tried most are forgotten last.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::Duration;

use super::TokenText;
use crate::Timestamp;

/// Places of one kind that are remembered at the most.
const MOST: usize = 8_192;

/// So many tries at once, and one more after each `every_ms`.
struct Rate {
    burst: i32,
    every_ms: i64,
}

/// One address: 20 at once, 20 in a minute from then on.
const ADDRESS: Rate = Rate {
    burst: 20,
    every_ms: 3_000,
};
/// One network: many may share it, and one of them must not stop all.
const NETWORK: Rate = Rate {
    burst: 60,
    every_ms: 1_000,
};
/// One beginning of a token, from wherever: guessing the rest of it is nobody's business.
const BEGINNING: Rate = Rate {
    burst: 10,
    every_ms: 6_000,
};

impl Rate {
    fn every(&self) -> Duration {
        Duration::milliseconds(self.every_ms)
    }

    fn all(&self) -> Duration {
        self.every() * self.burst
    }
}

/// Where a try comes from, and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    address: Option<IpAddr>,
    beginning: Option<[u8; TokenText::BEGINNING]>,
}

impl Try {
    /// One with a token of the right form, which has to be looked up.
    pub fn with(address: Option<IpAddr>, text: &TokenText) -> Self {
        Self {
            address: address.map(|address| address.to_canonical()),
            beginning: Some(text.beginning()),
        }
    }

    /// One with what is no token: it is turned away without a look.
    pub fn nonsense(address: Option<IpAddr>) -> Self {
        Self {
            address: address.map(|address| address.to_canonical()),
            beginning: None,
        }
    }
}

/// The network of an address: its /24, or its /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// What failed tries have cost so far.
pub struct Brake {
    lookups: Places,
    nonsense: Places,
    beginnings: Debts<[u8; TokenText::BEGINNING]>,
}

impl Default for Brake {
    fn default() -> Self {
        Self {
            lookups: Places::new(),
            nonsense: Places::new(),
            beginnings: Debts::new(BEGINNING),
        }
    }
}

impl Brake {
    /// Pays for a try before it is known what becomes of it.
    ///
    /// # Errors
    /// In how many seconds there may be another; nothing is paid then.
    pub fn pay(&mut self, of: &Try, now: Timestamp) -> Result<(), u64> {
        let places = match of.beginning {
            Some(_) => &mut self.lookups,
            // What costs no look-up must not use up what others need for theirs.
            None => &mut self.nonsense,
        };
        let beginning = of.beginning.map(|it| self.beginnings.wait(&it, now));
        let wait = places
            .wait(of.address, now)
            .max(beginning.unwrap_or_default());
        if wait > Duration::zero() {
            let seconds = wait.num_milliseconds().max(1).unsigned_abs();
            return Err(seconds.div_ceil(1_000));
        }
        places.take(of.address, now);
        if let Some(beginning) = of.beginning {
            self.beginnings.take(beginning, now);
        }
        Ok(())
    }

    /// Gives back what was paid for a try that did not fail.
    pub fn give_back(&mut self, of: &Try, now: Timestamp) {
        if let Some(beginning) = of.beginning {
            self.lookups.give_back(of.address, now);
            self.beginnings.give_back(&beginning, now);
        }
    }
}

/// What addresses and their networks owe.
struct Places {
    addresses: Debts<IpAddr>,
    networks: Debts<IpAddr>,
}

impl Places {
    fn new() -> Self {
        Self {
            addresses: Debts::new(ADDRESS),
            networks: Debts::new(NETWORK),
        }
    }

    fn wait(&self, address: Option<IpAddr>, now: Timestamp) -> Duration {
        address.map_or(Duration::zero(), |address| {
            let alone = self.addresses.wait(&address, now);
            alone.max(self.networks.wait(&network(address), now))
        })
    }

    fn take(&mut self, address: Option<IpAddr>, now: Timestamp) {
        if let Some(address) = address {
            self.addresses.take(address, now);
            self.networks.take(network(address), now);
        }
    }

    fn give_back(&mut self, address: Option<IpAddr>, now: Timestamp) {
        if let Some(address) = address {
            self.addresses.give_back(&address, now);
            self.networks.give_back(&network(address), now);
        }
    }
}

/// Buckets, each as the moment at which it is full again; one that is full is not kept.
struct Debts<K> {
    rate: Rate,
    until: HashMap<K, Timestamp>,
}

impl<K: Hash + Eq> Debts<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            until: HashMap::new(),
        }
    }

    /// What is owed. Never more than a whole bucket, whatever a clock that was set back says.
    fn owed(&self, key: &K, now: Timestamp) -> Duration {
        let owed = self.until.get(key).map(|until| *until - now);
        owed.unwrap_or_default()
            .clamp(Duration::zero(), self.rate.all())
    }

    /// How long until another try fits.
    fn wait(&self, key: &K, now: Timestamp) -> Duration {
        let over = self.owed(key, now) + self.rate.every() - self.rate.all();
        over.max(Duration::zero())
    }

    fn take(&mut self, key: K, now: Timestamp) {
        if self.until.len() >= MOST && !self.until.contains_key(&key) {
            self.make_room(now);
        }
        let owed = self.owed(&key, now) + self.rate.every();
        self.until.insert(key, now + owed);
    }

    fn give_back(&mut self, key: &K, now: Timestamp) {
        let left = self.owed(key, now) - self.rate.every();
        if left <= Duration::zero() {
            self.until.remove(key);
        } else if let Some(until) = self.until.get_mut(key) {
            *until = now + left;
        }
    }

    /// Forgets whoever owes nothing any more, or else the half that owes least.
    fn make_room(&mut self, now: Timestamp) {
        self.until.retain(|_, until| *until > now);
        if self.until.len() < MOST {
            return;
        }
        let mut all: Vec<_> = self.until.values().copied().collect();
        let (_, median, _) = all.select_nth_unstable(MOST / 2);
        let median = *median;
        let mut room = MOST / 2;
        self.until.retain(|_, until| {
            let goes = *until <= median && room > 0;
            room -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        crate::time::parse("2026-03-01T12:00:00Z").unwrap()
    }

    fn at_ms(ms: i64) -> Timestamp {
        start() + Duration::milliseconds(ms)
    }

    fn from(address: &str, token: u8) -> Try {
        let text = TokenText::from_random([token; 20]);
        Try::with(Some(address.parse().unwrap()), &text)
    }

    #[test]
    fn who_fails_too_often_waits_and_then_may_try_once_more() {
        let mut brake = Brake::default();
        for n in 0..20 {
            assert_eq!(brake.pay(&from("192.0.2.7", n), at_ms(0)), Ok(()), "{n}");
        }
        for _ in 0..100 {
            // Being refused costs nothing.
            assert_eq!(brake.pay(&from("192.0.2.7", 99), at_ms(0)), Err(3));
        }
        assert_eq!(brake.pay(&from("192.0.2.7", 99), at_ms(2_001)), Err(1));
        assert_eq!(brake.pay(&from("192.0.2.7", 99), at_ms(3_000)), Ok(()));
        assert_eq!(brake.pay(&from("192.0.2.7", 99), at_ms(3_000)), Err(3));
        assert_eq!(brake.pay(&from("198.51.100.1", 99), at_ms(3_000)), Ok(()));
    }

    #[test]
    fn a_network_is_slowed_as_one_and_its_neighbour_is_not() {
        let mut brake = Brake::default();
        for n in 0..60_u8 {
            let of = from(&format!("192.0.2.{n}"), n);
            assert_eq!(brake.pay(&of, at_ms(0)), Ok(()), "{n}");
        }
        assert_eq!(brake.pay(&from("192.0.2.200", 99), at_ms(0)), Err(1));
        assert_eq!(brake.pay(&from("192.0.3.1", 99), at_ms(0)), Ok(()));
        for n in 0..60_u8 {
            let of = from(&format!("2001:db8::{n:x}"), 100 + n);
            assert_eq!(brake.pay(&of, at_ms(0)), Ok(()), "{n}");
        }
        assert_eq!(brake.pay(&from("2001:db8::ffff:1", 98), at_ms(0)), Err(1));
        assert_eq!(brake.pay(&from("2001:db8:0:1::1", 98), at_ms(0)), Ok(()));
    }

    #[test]
    fn one_beginning_of_a_token_is_slowed_from_wherever_it_is_tried() {
        let mut brake = Brake::default();
        for n in 0..10 {
            assert_eq!(
                brake.pay(&from(&format!("10.0.{n}.1"), 7), at_ms(0)),
                Ok(())
            );
        }
        assert_eq!(brake.pay(&from("10.9.9.9", 7), at_ms(0)), Err(6));
        assert_eq!(brake.pay(&from("10.9.9.9", 8), at_ms(0)), Ok(()));
    }

    #[test]
    fn nonsense_does_not_use_up_what_tokens_need() {
        let mut brake = Brake::default();
        let nonsense = Try::nonsense(Some("192.0.2.7".parse().unwrap()));
        for _ in 0..20 {
            assert_eq!(brake.pay(&nonsense, at_ms(0)), Ok(()));
        }
        assert_eq!(brake.pay(&nonsense, at_ms(0)), Err(3));
        assert_eq!(brake.pay(&from("192.0.2.7", 1), at_ms(0)), Ok(()));
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        let mut brake = Brake::default();
        for n in 0..20 {
            brake.pay(&from("192.0.2.7", n), at_ms(0)).unwrap();
        }
        assert_eq!(brake.pay(&from("::ffff:192.0.2.7", 99), at_ms(0)), Err(3));
    }

    #[test]
    fn what_did_not_fail_costs_nothing() {
        let mut brake = Brake::default();
        for n in 0..1_000_i64 {
            let of = from("192.0.2.7", 1);
            brake.pay(&of, at_ms(n)).unwrap();
            brake.give_back(&of, at_ms(n));
        }
        assert!(brake.lookups.addresses.until.is_empty());
        assert!(brake.beginnings.until.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded_and_who_tried_most_is_forgotten_last() {
        let mut brake = Brake::default();
        let worst = from("192.0.2.7", 1);
        for n in 0..20 {
            brake.pay(&from("192.0.2.7", n), at_ms(0)).unwrap();
        }
        for n in 0..100_000_u32 {
            let of = Try {
                address: Some(Ipv4Addr::from_bits(0x0a00_0000 + n * 256).into()),
                beginning: Some(
                    n.to_be_bytes()
                        .map(u64::from)
                        .iter()
                        .sum::<u64>()
                        .to_be_bytes(),
                ),
            };
            let _ = brake.pay(&of, at_ms(0));
            assert!(brake.lookups.addresses.until.len() <= MOST);
            assert!(brake.lookups.networks.until.len() <= MOST);
        }
        assert_eq!(brake.pay(&worst, at_ms(0)), Err(3));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out_for_longer() {
        let mut brake = Brake::default();
        for n in 0..20 {
            brake.pay(&from("192.0.2.7", n), at_ms(86_400_000)).unwrap();
        }
        assert_eq!(brake.pay(&from("192.0.2.7", 99), at_ms(0)), Err(3));
    }

    proptest! {
        /// However tries come, so many and no more are let through in any time.
        #[test]
        fn no_more_than_the_rate_gets_through(gaps in prop::collection::vec(0_i64..5_000, 1..400)) {
            let mut brake = Brake::default();
            let (mut now_ms, mut through) = (0, 0_i64);
            for (n, gap) in gaps.into_iter().enumerate() {
                now_ms += gap;
                let text = u64::try_from(n).unwrap();
                let of = Try {
                    address: Some("192.0.2.7".parse().unwrap()),
                    beginning: Some(text.to_be_bytes()),
                };
                if let Err(wait_s) = brake.pay(&of, at_ms(now_ms)) {
                    prop_assert!((1..=3).contains(&wait_s));
                } else {
                    through += 1;
                }
                prop_assert!(through <= 20 + now_ms / 3_000);
            }
        }
    }
}
