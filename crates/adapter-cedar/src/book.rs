//! The policies in force: read, named and checked, or refused with the place of what is wrong.

use cedar_policy::{
    Effect, Policy as Rule, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator,
};
use miette::Diagnostic;
use pts_domain::access::BUILT_IN_RULE;
use pts_ports::Policy;

const BUILT_IN: &str = include_str!("builtin.cedar");
/// Bytes of a policy's name.
const LONGEST_ID: usize = 64;

/// Why policies are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// What is in it is wrong, there: a line and a column, from 1.
    #[error("line {line}, column {column}: {why}")]
    Wrong {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// What is in it is wrong as a whole.
    #[error("{0}")]
    Unfit(String),
}

/// Policies that can be asked.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) set: PolicySet,
    /// For people, those first that are there always.
    pub(crate) shown: Vec<Policy>,
}

impl Book {
    /// The policies that there always are, and those of a file.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub(crate) fn read(schema: &Schema, file: Option<&str>) -> Result<Self, PolicyError> {
        let mut book = Self {
            set: PolicySet::new(),
            shown: Vec::new(),
        };
        book.add(BUILT_IN, true)?;
        if let Some(text) = file {
            book.add(text, false)?;
            if book.shown.iter().all(|policy| policy.built_in) {
                let why = "it has no policy; take the setting away if there shall be none";
                return Err(PolicyError::Unfit(why.to_owned()));
            }
        }
        let validator = Validator::new(schema.clone());
        let checked = validator.validate(&book.set, ValidationMode::Strict);
        match checked.validation_errors().next() {
            Some(error) => Err(unfit(file.unwrap_or_default(), error)),
            None => Ok(book),
        }
    }

    fn add(&mut self, text: &str, built_in: bool) -> Result<(), PolicyError> {
        let read: PolicySet = text.parse().map_err(|errors| unread(text, &errors))?;
        if read.num_of_templates() > 0 {
            let why = "templates (`?principal`, `?resource`) have nothing that would fill them";
            return Err(PolicyError::Unfit(why.to_owned()));
        }
        let mut rules: Vec<&Rule> = read.policies().collect();
        // The engine numbers them in the order of the text.
        rules.sort_by_key(|rule| number(rule.id()));
        for rule in rules {
            let id = name(rule, built_in)?;
            self.shown.push(Policy {
                id: id.to_owned(),
                permits: rule.effect() == Effect::Permit,
                built_in,
                text: rule.to_cedar().unwrap_or_else(|| rule.to_string()),
            });
            let named = rule.new_id(PolicyId::new(id));
            self.set.add(named).map_err(|_| {
                PolicyError::Unfit(format!(
                    "two policies have `@id(\"{id}\")`; names are unique"
                ))
            })?;
        }
        Ok(())
    }
}

/// The name that a policy gives itself: whoever is refused is told it.
fn name(rule: &Rule, built_in: bool) -> Result<&str, PolicyError> {
    let Some(id) = rule.annotation("id") else {
        let begin: String = rule.to_string().chars().take(60).collect();
        return Err(PolicyError::Unfit(format!(
            "every policy has a name, such as `@id(\"night-watch\")`; this one has none: `{}…`",
            begin.replace('\n', " ")
        )));
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(plain) {
        return Err(PolicyError::Unfit(format!(
            "`@id({id:?})` is no name; expected 1 to {LONGEST_ID} letters, digits and `-_.`"
        )));
    }
    if !built_in && id.starts_with(BUILT_IN_RULE) {
        return Err(PolicyError::Unfit(format!(
            "`@id({id:?})`: names that begin with `{BUILT_IN_RULE}` are of the rules that there \
             always are"
        )));
    }
    Ok(id)
}

/// `policy7` is the seventh but one.
fn number(id: &PolicyId) -> usize {
    let text: &str = id.as_ref();
    let digits = text.trim_start_matches("policy");
    digits.parse().unwrap_or(usize::MAX)
}

fn unread(text: &str, errors: &cedar_policy::ParseErrors) -> PolicyError {
    match errors.iter().next() {
        Some(first) => placed(text, first),
        None => PolicyError::Unfit("it cannot be read".to_owned()),
    }
}

fn unfit(text: &str, error: &ValidationError) -> PolicyError {
    placed(text, error)
}

/// An error with its place, where it has one.
fn placed(text: &str, error: &dyn Diagnostic) -> PolicyError {
    let mut why = error.to_string();
    if let Some(help) = error.help() {
        why = format!("{why} ({help})");
    }
    let label = error.labels().and_then(|mut labels| labels.next());
    let Some(before) = label.and_then(|label| text.get(..label.offset())) else {
        return PolicyError::Unfit(why);
    };
    PolicyError::Wrong {
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        why,
    }
}
