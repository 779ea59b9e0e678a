//! Confirming what was shown: the one-time text that a preview comes with, and what it is good for.
//! Chance and time come in as values.

use std::fmt;

use chrono::Duration;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Timestamp;

/// What is kept of the text that confirms a preview: only its SHA-256, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// SHA-256 of the text.
    pub hash: [u8; 32],
    /// The token of whoever was shown the preview.
    pub principal: Uuid,
    /// The action's name.
    pub action: String,
    /// Digest of the input, and of the workspace that it was for.
    pub input: [u8; 32],
    /// Digest of the state that would be changed.
    pub state: [u8; 32],
    /// When the preview was made.
    pub made_at: Timestamp,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
    /// When it was.
    pub used_at: Option<Timestamp>,
}

/// Why nothing was done on a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationRefused {
    /// Not of the form `confirm_<40 hex digits>`.
    #[error("it is no confirmation; it should look like confirm_<random>")]
    Malformed,
    /// There is none, or it is somebody else's, or it is long over.
    #[error("the confirmation is not known here")]
    Unknown,
    /// It was used.
    #[error("the confirmation was used already")]
    Used,
    /// It is too late.
    #[error("the confirmation has expired")]
    Expired,
    /// It is for something else.
    #[error("the confirmation is for another action")]
    OtherAction,
    /// It is for the same with another input.
    #[error("the confirmation is for another input")]
    OtherInput,
}

impl Confirmation {
    /// How long a preview can be confirmed.
    pub const GOOD_FOR: Duration = Duration::minutes(5);

    /// Whether it is good at `now`, but for the state.
    ///
    /// # Errors
    /// Why not. Who did not see the preview is told nothing of it.
    pub fn check(
        &self,
        principal: Uuid,
        (action, input): (&str, [u8; 32]),
        now: Timestamp,
    ) -> Result<(), ConfirmationRefused> {
        if self.principal != principal {
            Err(ConfirmationRefused::Unknown)
        } else if self.action != action {
            Err(ConfirmationRefused::OtherAction)
        } else if self.input != input {
            Err(ConfirmationRefused::OtherInput)
        } else if self.used_at.is_some() {
            Err(ConfirmationRefused::Used)
        } else if self.expires_at <= now {
            Err(ConfirmationRefused::Expired)
        } else {
            Ok(())
        }
    }
}

/// The text with which a preview is confirmed. Never printed by accident: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfirmationText(String);

impl ConfirmationText {
    const PREFIX: &str = "confirm_";

    /// Makes one out of 20 random bytes.
    pub fn from_random(random: [u8; 20]) -> Self {
        Self(format!("{}{}", Self::PREFIX, hex::encode(random)))
    }

    /// Takes a presented text, if its form is right.
    ///
    /// # Errors
    /// [`ConfirmationRefused::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ConfirmationRefused> {
        let random = text.strip_prefix(Self::PREFIX).map(str::as_bytes);
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        match random {
            Some(random) if random.len() == 40 && random.iter().all(is_hex) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ConfirmationRefused::Malformed),
        }
    }

    /// What is stored and looked up instead of the text.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The text itself, for the one place that hands it to whoever is shown the preview.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConfirmationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmationText(confirm_…)")
    }
}

/// The digest of something in parts: no two lists of parts have the same.
pub fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::ConfirmationRefused::{Expired, OtherAction, OtherInput, Unknown, Used};
    use super::*;

    #[test]
    fn a_text_survives_its_own_parser_and_hides_in_debug() {
        let text = ConfirmationText::from_random([7; 20]);
        assert_eq!(ConfirmationText::parse(text.reveal()), Ok(text.clone()));
        assert!(!format!("{text:?}").contains(&text.reveal()[8..]));
        let cut = &text.reveal()[..47];
        for bad in [
            "",
            "confirm_",
            cut,
            "confirm_é",
            &text.reveal().to_uppercase(),
        ] {
            let refused = ConfirmationText::parse(bad);
            assert_eq!(refused, Err(ConfirmationRefused::Malformed), "{bad}");
        }
    }

    #[test]
    fn it_is_good_for_one_person_one_action_one_input_once_and_a_while() {
        let made_at = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
        let expires_at = made_at + Confirmation::GOOD_FOR;
        let kept = Confirmation {
            hash: [0; 32],
            principal: Uuid::from_u128(1),
            action: "a".into(),
            input: [1; 32],
            state: [2; 32],
            made_at,
            expires_at,
            used_at: None,
        };
        let (own, what) = (kept.principal, ("a", [1; 32]));
        assert_eq!(kept.check(own, what, made_at), Ok(()));
        let refused = |kept: &Confirmation, principal, what, now| {
            kept.check(principal, what, now).unwrap_err()
        };
        assert_eq!(refused(&kept, Uuid::nil(), what, made_at), Unknown);
        assert_eq!(refused(&kept, own, ("b", [1; 32]), made_at), OtherAction);
        assert_eq!(refused(&kept, own, ("a", [2; 32]), made_at), OtherInput);
        assert_eq!(refused(&kept, own, what, expires_at), Expired);
        let used = Confirmation {
            used_at: Some(made_at),
            ..kept
        };
        assert_eq!(refused(&used, own, what, made_at), Used);
    }

    #[test]
    fn a_digest_tells_where_parts_end() {
        let of = |parts: &[&str]| digest(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }
}
