//! Secrets by their form, in any text: keys, tokens, passwords in addresses, `password=…`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::rules::{PATTERNS, Rules};
use super::spelling::Names;
use super::{OPENING, count, mask};

/// Bytes that one expression of a configuration may take when it is compiled.
const LARGEST: usize = 1024 * 1024;
/// Bytes of one expression of a configuration.
const LONGEST: usize = 1024;
/// A value: in quotes, or up to where values end.
const VALUE: &str = r#"("[^"]*"|'[^']*'|[^\s&;,"'<>(){}\[\]]+|\[masked:[a-z0-9_]+\])"#;

/// Forms of secrets.
#[derive(Debug)]
pub(super) struct Patterns {
    forms: Vec<Form>,
    /// `name=value`.
    assigned: Option<Regex>,
    /// The same, and `name: value`, for what is no JSON.
    loosely: Option<Regex>,
}

#[derive(Debug)]
struct Form {
    rule: Arc<str>,
    regex: Regex,
    needles: &'static [&'static str],
}

type Found = BTreeMap<Arc<str>, u32>;

impl Patterns {
    pub(super) fn new(rules: &Rules, names: &Names) -> Result<Self, String> {
        let mut forms = Vec::new();
        for built_in in PATTERNS
            .iter()
            .filter(|built_in| rules.applies(built_in.rule))
        {
            let regex = Regex::new(built_in.pattern).map_err(|error| error.to_string())?;
            forms.push(Form {
                rule: Arc::from(built_in.rule),
                regex,
                needles: built_in.needles,
            });
        }
        for (rule, pattern) in &rules.patterns {
            let regex = own(pattern).map_err(|why| format!("patterns.{rule}: {why}"))?;
            forms.push(Form {
                rule: Arc::from(rule.as_str()),
                regex,
                needles: &[],
            });
        }
        let spellings: Vec<_> = names.spellings().map(regex::escape).collect();
        let after_names = |between: &str| {
            if spellings.is_empty() {
                return Ok(None);
            }
            let any = spellings.join("|");
            let pattern = format!(r"(?i)([\w.-]*(?:{any})){between}{VALUE}");
            Regex::new(&pattern)
                .map(Some)
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            forms,
            assigned: after_names(r" ?= ?")?,
            loosely: after_names(r#"["']?\s*[:=]\s*"#)?,
        })
    }

    /// Of which at least one is in every text with a secret, unless the patterns are open.
    pub(super) fn needles(&self) -> impl Iterator<Item = &'static str> {
        self.forms
            .iter()
            .flat_map(|form| form.needles.iter().copied())
    }

    /// Whether some have nothing that could be looked for.
    pub(super) fn are_open(&self) -> bool {
        self.forms.iter().any(|form| form.needles.is_empty())
    }

    /// Masks a value of an event. `None` if nothing is to be masked.
    pub(super) fn apply(&self, names: &Names, text: &str, found: &mut Found) -> Option<String> {
        self.run(names, self.assigned.as_ref(), text, found)
    }

    /// Masks a text that is no JSON.
    pub(super) fn apply_loosely(
        &self,
        names: &Names,
        text: &str,
        found: &mut Found,
    ) -> Option<String> {
        self.run(names, self.loosely.as_ref(), text, found)
    }

    fn run(
        &self,
        names: &Names,
        assigned: Option<&Regex>,
        text: &str,
        found: &mut Found,
    ) -> Option<String> {
        let mut masked = Cow::Borrowed(text);
        for form in &self.forms {
            let rule = |_: &Captures<'_>| Some(&form.rule);
            if let Some(changed) = replace(&form.regex, 1, &masked, rule, found) {
                masked = Cow::Owned(changed);
            }
        }
        if let Some(assigned) = assigned.filter(|_| masked.contains(['=', ':'])) {
            // The name is the first group, the value the second.
            let rule = |captures: &Captures<'_>| names.rule(captures.get(1)?.as_str());
            if let Some(changed) = replace(assigned, 2, &masked, rule, found) {
                masked = Cow::Owned(changed);
            }
        }
        match masked {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(masked),
        }
    }
}

/// An expression of a configuration.
fn own(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!(
            "found {} bytes; expected at most {LONGEST}",
            pattern.len()
        ));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(LARGEST)
        .build()
        .map_err(|error| format!("found `{pattern}`; expected a regular expression: {error}"))?;
    if regex.is_match("") {
        return Err(format!(
            "found `{pattern}`; expected one that does not fit an empty text"
        ));
    }
    Ok(regex)
}

/// Masks what `regex` finds in its group, or as a whole, by the rule that `rule` names for it.
fn replace<'r>(
    regex: &Regex,
    group: usize,
    text: &str,
    rule: impl Fn(&Captures<'_>) -> Option<&'r Arc<str>>,
    found: &mut Found,
) -> Option<String> {
    let mut masked = String::new();
    let mut done = 0;
    for captures in regex.captures_iter(text) {
        let Some(secret) = captures.get(group).or_else(|| captures.get(0)) else {
            continue;
        };
        let bare = secret.as_str().trim_start_matches(['"', '\'']);
        if bare.trim_end_matches(['"', '\'']).is_empty() || bare.starts_with(OPENING) {
            continue;
        }
        let Some(rule) = rule(&captures) else {
            continue;
        };
        masked.push_str(&text[done..secret.start()]);
        masked.push_str(&mask(rule));
        count(found, rule);
        done = secret.end();
    }
    if done == 0 {
        return None;
    }
    masked.push_str(&text[done..]);
    Some(masked)
}
