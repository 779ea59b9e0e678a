//! The name of a workspace: what belongs to one is invisible from every other.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A workspace: 1 to 63 lower-case letters, digits and hyphens, with a letter or a digit at both
/// ends. The usual one is `default`. Cheap to clone: every event carries one.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
pub struct Workspace(Arc<str>);

static USUAL: LazyLock<Arc<str>> = LazyLock::new(|| Workspace::USUAL.into());

impl Workspace {
    /// The name of the usual workspace.
    pub const USUAL: &str = "default";
    const LONGEST: usize = 63;

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self(Arc::clone(&USUAL))
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Workspace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let good = bytes.len() <= Self::LONGEST
            && bytes.iter().all(|byte| inner(byte) || *byte == b'-')
            && bytes.first().is_some_and(inner)
            && bytes.last().is_some_and(inner);
        if good {
            Ok(Self(text.into()))
        } else {
            Err(format!(
                "`{}` is no workspace; expected 1 to {} lower-case letters, digits and hyphens, \
                 with no hyphen at the ends",
                text.escape_debug(),
                Self::LONGEST
            ))
        }
    }
}

impl TryFrom<String> for Workspace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Workspace> for String {
    fn from(workspace: Workspace) -> Self {
        (*workspace.0).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_a_short_name_of_plain_letters() {
        for good in ["default", "a", "team-7", "0", &"x".repeat(63)] {
            assert_eq!(good.parse::<Workspace>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a b",
            "a_b",
            "ä",
            "a\n",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<Workspace>().is_err(), "{bad}");
        }
        assert_eq!(Workspace::USUAL.parse(), Ok(Workspace::default()));
    }
}
