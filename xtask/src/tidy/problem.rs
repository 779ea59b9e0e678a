//! One thing that is not as it should be, said so that the reader knows what to do.

use std::fmt;

/// Where, what was found, what is expected, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// A crate's name, or a path from the repository's root (with `:line` where known).
    pub(crate) place: String,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) why: &'static str,
}

impl Problem {
    /// A check that could not look.
    pub(crate) fn unchecked(check: &str, error: &anyhow::Error) -> Self {
        Self {
            place: format!("({check})"),
            found: format!("could not be checked: {error:#}"),
            expected: "a checkout that can be read: what nobody looked at is not known to be good"
                .into(),
            why: "a guard that is skipped in silence guards nothing",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.place)?;
        writeln!(out, "  found:    {}", self.found)?;
        writeln!(out, "  expected: {}", self.expected)?;
        write!(out, "  because:  {}", self.why)
    }
}
