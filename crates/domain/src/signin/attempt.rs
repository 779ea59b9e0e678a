//! One browser's attempt to sign in. Everything that has to fit together when the provider sends the
//! browser back (`state`, `nonce`, the proof of RFC 7636) is worked out of one secret that only this
//! browser keeps, so that no process has to remember anything and any process can finish it.

use std::fmt;

use sha2::{Digest, Sha256};

/// The secret of one attempt, and what is derived from it. No derived value tells the secret or another
/// of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt([u8; 20]);

impl Attempt {
    /// An attempt with this secret, which must be drawn so that nobody can guess it.
    pub const fn from_random(random: [u8; 20]) -> Self {
        Self(random)
    }

    /// Reads what [`Attempt::reveal`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut secret = [0; 20];
        hex::decode_to_slice(text, &mut secret).ok()?;
        Some(Self(secret))
    }

    /// The secret itself, for the browser's cookie.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }

    /// `state`: comes back with the browser; whoever does not hold the secret cannot make it fit.
    pub fn state(&self) -> String {
        self.derive("state")
    }

    /// Whether a `state` that came back is this attempt's.
    pub fn is_answered_by(&self, state: &str) -> bool {
        // Compared as digests: how long it takes says nothing about where two texts differ.
        Sha256::digest(self.state()) == Sha256::digest(state)
    }

    /// `nonce`: comes back inside the ID token, so that a token made for another attempt is refused.
    pub fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// The code verifier of RFC 7636, 64 letters: a stolen code is worth nothing without it.
    pub fn verifier(&self) -> String {
        self.derive("code verifier")
    }

    fn derive(&self, purpose: &str) -> String {
        let digest = Sha256::new()
            .chain_update("pts sign-in: ")
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(self.0);
        hex::encode(digest.finalize())
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_differs_by_purpose_and_by_secret() {
        let (one, other) = (Attempt::from_random([1; 20]), Attempt::from_random([2; 20]));
        let all = [&one, &other].map(|it| [it.state(), it.nonce(), it.verifier()]);
        let mut all = all.as_flattened().to_vec();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
        // RFC 7636: 43 to 128 unreserved letters.
        assert!(all.iter().all(|text| text.len() == 64));
        assert!(!all.iter().any(|text| text.contains(&one.reveal())));
    }

    #[test]
    fn an_attempt_survives_its_cookie_and_hides_in_debug() {
        let attempt = Attempt::from_random([7; 20]);
        assert_eq!(Attempt::parse(&attempt.reveal()), Some(attempt.clone()));
        assert_eq!(format!("{attempt:?}"), "Attempt(…)");
        for text in ["", "07", "zz", &"07".repeat(21)] {
            assert_eq!(Attempt::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_its_own_state_answers_an_attempt() {
        let (one, other) = (Attempt::from_random([1; 20]), Attempt::from_random([2; 20]));
        assert!(one.is_answered_by(&one.state()));
        assert!(!one.is_answered_by(&other.state()));
        assert!(!one.is_answered_by(""));
    }
}
