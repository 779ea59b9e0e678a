//! Whose a right is that was given for a while: a person's where one is known, else a token's.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who asks, holds or decides. A person is the same in every session and with every token of theirs;
/// a session that was opened with a token is that token.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(token|person):.+$"))]
pub enum Holder {
    /// The token of that id.
    Token(Uuid),
    /// The person, as the identity provider names them.
    Person(String),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Person(subject) => write!(f, "person:{subject}"),
        }
    }
}

impl FromStr for Holder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.split_once(':') {
            Some(("token", id)) => id.parse().ok().map(Self::Token),
            Some(("person", subject)) if !subject.is_empty() && !subject.contains('\0') => {
                Some(Self::Person(subject.to_owned()))
            }
            _ => None,
        };
        read.ok_or_else(|| {
            let text = text.escape_debug();
            format!("`{text}` is nobody; expected `token:<id>` or `person:<subject>`")
        })
    }
}

impl TryFrom<String> for Holder {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Holder> for String {
    fn from(holder: Holder) -> Self {
        holder.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_read_as_it_is_written() {
        for holder in [
            Holder::Token(Uuid::from_u128(7)),
            Holder::Person("alice@example.com".into()),
            Holder::Person("oidc:x y".into()),
        ] {
            assert_eq!(holder.to_string().parse(), Ok(holder));
        }
        for nobody in [
            "",
            "alice",
            "token:",
            "token:x",
            "person:",
            "role:x",
            "person:a\0",
        ] {
            assert!(nobody.parse::<Holder>().is_err(), "{nobody}");
        }
    }
}
