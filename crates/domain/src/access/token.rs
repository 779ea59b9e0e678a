//! What is kept of a token, and the shape of its text. Chance comes in as bytes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Network, Scope, Workspace};
use crate::Timestamp;

/// What a token is for: a program, or a person's browser session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Sent as `Authorization: Bearer`.
    Bearer,
    /// Held in the browser's session cookie; made by signing in.
    Session,
    /// No text at all: a service that shows its client certificate.
    Service,
}

impl TokenKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Bearer, Self::Session, Self::Service];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session => "session",
            Self::Service => "service",
        }
    }
}

/// What is kept of a token. The secret itself is not: only its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names the token in lists and revocations.
    pub id: Uuid,
    /// What a person called it.
    pub name: String,
    /// How it is presented.
    pub kind: TokenKind,
    /// SHA-256 of the whole token text.
    pub hash: [u8; 32],
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The names of the roles that it allows as well.
    pub roles: BTreeSet<String>,
    /// The only workspace that it reaches; without one it may act in any.
    pub workspace: Option<Workspace>,
    /// Where it may be used from; without any, from everywhere.
    pub networks: Vec<Network>,
    /// The person behind a session, as the identity provider names them.
    pub subject: Option<String>,
    /// The token that was signed in with, for a session made so; it ends with that token.
    pub issued_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last seen to be used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Why a token is not accepted. Told to the sender: it helps and gives nothing away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not of the form `pts_<40 hex digits>_<8 hex digits>`.
    #[error("this is not a PTS token; it should look like pts_<random>_<checksum>")]
    Malformed,
    /// The checksum does not fit: cut off or mistyped.
    #[error("the token's checksum does not fit: it was cut off or mistyped")]
    Checksum,
    /// No such token.
    #[error("the token is not known here")]
    Unknown,
    /// It has ended by itself.
    #[error("the token has expired")]
    Expired,
    /// Somebody ended it.
    #[error("the token has been revoked")]
    Revoked,
    /// It is good, and not from there.
    #[error("the token may not be used from this address")]
    Elsewhere,
    /// Nobody used it for longer than a session may rest.
    #[error("the session was not used for too long; sign in again")]
    Idle,
}

impl Token {
    /// Whether the token is good at `now`.
    ///
    /// # Errors
    /// [`TokenRefused::Revoked`] or [`TokenRefused::Expired`].
    pub fn check(&self, now: Timestamp) -> Result<(), TokenRefused> {
        if self.revoked_at.is_some_and(|at| at <= now) {
            return Err(TokenRefused::Revoked);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(TokenRefused::Expired);
        }
        Ok(())
    }

    /// Whether it may be used from there. One that is bound to networks may not be used by somebody
    /// whose address is not known.
    ///
    /// # Errors
    /// [`TokenRefused::Elsewhere`].
    pub fn check_from(&self, address: Option<IpAddr>) -> Result<(), TokenRefused> {
        let inside = |address| {
            self.networks
                .iter()
                .any(|network| network.contains(address))
        };
        if self.networks.is_empty() || address.is_some_and(inside) {
            Ok(())
        } else {
            Err(TokenRefused::Elsewhere)
        }
    }

    /// Whether a person signed in for it, in a browser or on a command line: such a token rests only
    /// for so long, and its owner sees it among their sessions.
    pub const fn is_sign_in(&self) -> bool {
        matches!(self.kind, TokenKind::Session) || self.subject.is_some()
    }

    /// When it is over if nobody uses it; nobody signed in for a token that has no such end.
    pub fn idle_end(&self, idle: Duration) -> Option<Timestamp> {
        let used = self.last_used_at.unwrap_or(self.created_at);
        self.is_sign_in().then(|| used.max(self.created_at) + idle)
    }

    /// Checks that the token has not rested for longer than `idle`.
    ///
    /// # Errors
    /// [`TokenRefused::Idle`].
    pub fn check_idle(&self, now: Timestamp, idle: Duration) -> Result<(), TokenRefused> {
        match self.idle_end(idle) {
            Some(end) if end <= now => Err(TokenRefused::Idle),
            _ => Ok(()),
        }
    }
}

/// The secret text of a token. Never printed by accident: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// Makes the text of a new token out of 20 random bytes.
    pub fn from_random(random: [u8; 20]) -> Self {
        let random = hex::encode(random);
        let checksum = checksum(&random);
        Self(format!("pts_{random}_{checksum}"))
    }

    /// Takes a presented text, if its form and checksum are right. This costs no look-up, so
    /// guesses are turned away cheaply.
    ///
    /// # Errors
    /// [`TokenRefused::Malformed`] or [`TokenRefused::Checksum`].
    pub fn parse(text: &str) -> Result<Self, TokenRefused> {
        let rest = text.strip_prefix("pts_").ok_or(TokenRefused::Malformed)?;
        let (random, check) = rest.split_once('_').ok_or(TokenRefused::Malformed)?;
        let is_hex = |s: &str| {
            s.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !is_hex(random) || !is_hex(check) || random.len() > 40 || check.len() > 8 {
            return Err(TokenRefused::Malformed);
        }
        if random.len() != 40 || check != checksum(random) {
            return Err(TokenRefused::Checksum);
        }
        Ok(Self(text.to_owned()))
    }

    /// So many characters are told of a token's beginning.
    pub(crate) const BEGINNING: usize = 8;

    /// Its beginning: 8 of 40 random digits, by which tries with it are counted.
    pub(crate) fn beginning(&self) -> [u8; Self::BEGINNING] {
        let mut beginning = [0; Self::BEGINNING];
        beginning.copy_from_slice(&self.0.as_bytes()[4..4 + Self::BEGINNING]);
        beginning
    }

    /// What is stored and looked up instead of the text.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The secret itself, for the one place that hands it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(pts_…)")
    }
}

fn checksum(random: &str) -> String {
    format!("{:08x}", crc32fast::hash(random.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_rests_only_for_so_long_and_a_token_for_ever() {
        let at = |minute| Timestamp::UNIX_EPOCH + Duration::minutes(minute);
        let token = |kind, subject: Option<&str>, used| Token {
            id: Uuid::nil(),
            name: "t".into(),
            kind,
            hash: [0; 32],
            scopes: BTreeSet::new(),
            roles: BTreeSet::new(),
            workspace: None,
            networks: Vec::new(),
            subject: subject.map(ToOwned::to_owned),
            issued_by: None,
            created_at: at(0),
            last_used_at: used,
            expires_at: None,
            revoked_at: None,
        };
        let check = |token: &Token, minute, expected| {
            let found = token.check_idle(at(minute), Duration::minutes(60));
            assert_eq!(found, expected, "{minute}");
        };
        let session = token(TokenKind::Session, None, None);
        check(&session, 59, Ok(()));
        check(&session, 60, Err(TokenRefused::Idle));
        let used = token(TokenKind::Session, None, Some(at(30)));
        check(&used, 89, Ok(()));
        check(&used, 90, Err(TokenRefused::Idle));
        check(
            &token(TokenKind::Bearer, Some("i#u"), None),
            60,
            Err(TokenRefused::Idle),
        );
        check(&token(TokenKind::Bearer, None, None), 600, Ok(()));
        check(&token(TokenKind::Service, None, None), 600, Ok(()));
    }

    #[test]
    fn a_token_survives_its_own_parser_and_hides_in_debug() {
        let token = TokenText::from_random([7; 20]);
        assert_eq!(TokenText::parse(token.reveal()), Ok(token.clone()));
        assert!(!format!("{token:?}").contains(&token.reveal()[4..20]));
    }

    #[test]
    fn a_token_is_good_from_its_networks_and_one_without_from_everywhere() {
        let token = |networks: &[&str]| Token {
            id: Uuid::nil(),
            name: "t".into(),
            kind: TokenKind::Bearer,
            hash: [0; 32],
            scopes: BTreeSet::new(),
            roles: BTreeSet::new(),
            workspace: None,
            networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
            subject: None,
            issued_by: None,
            created_at: Timestamp::UNIX_EPOCH,
            last_used_at: None,
            expires_at: None,
            revoked_at: None,
        };
        let check = |networks: &[&str], address: Option<&str>, good: bool| {
            let address = address.map(|text| text.parse().unwrap());
            let checked = token(networks).check_from(address);
            assert_eq!(checked.is_ok(), good, "{networks:?} {address:?}");
        };
        check(&[], None, true);
        check(&[], Some("192.0.2.7"), true);
        let both = ["10.0.0.0/8", "2001:db8::/32"];
        check(&both, Some("10.1.2.3"), true);
        check(&both, Some("::ffff:10.1.2.3"), true);
        check(&both, Some("2001:db8::1"), true);
        check(&both, Some("192.0.2.7"), false);
        check(&both, None, false);
    }

    #[test]
    fn a_cut_or_mistyped_token_is_told_apart_from_nonsense() {
        let token = TokenText::from_random([9; 20]).reveal().to_owned();
        let cut = &token[..token.len() - 3];
        assert_eq!(TokenText::parse(cut), Err(TokenRefused::Checksum));
        let mistyped = token.replacen("09", "90", 1);
        assert_eq!(TokenText::parse(&mistyped), Err(TokenRefused::Checksum));
        for text in ["", "hello", "pts_", "pts_xyz_00000000", "ghp_0909_00"] {
            assert_eq!(
                TokenText::parse(text),
                Err(TokenRefused::Malformed),
                "{text}"
            );
        }
    }
}
