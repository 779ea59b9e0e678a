//! Secrets that senders report without wanting to: a password in the data of an event, a token in an
//! error message. They are masked before anybody keeps, shows or counts the event, in the text that it
//! came as, so that what cannot be read as JSON is masked by the same rules.
//!
//! A mask says which rule it is (`[masked:password]`) and is never masked again. What has no secret in
//! it is looked at once, by one automaton over its bytes, and not touched.

mod alike;
mod needles;
mod patterns;
mod rules;
mod spelling;
mod tokens;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

pub use alike::alike;
pub use rules::Rules;
pub use tokens::without_tokens;

use needles::Needles;
use patterns::Patterns;
use spelling::Names;

/// Begins every mask.
const OPENING: &str = "[masked:";

/// Masks texts by rules that were read once.
#[derive(Debug)]
pub struct Masker {
    names: Names,
    patterns: Patterns,
    needles: Needles,
    rules: BTreeSet<Arc<str>>,
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The text; what was JSON still is.
    pub text: String,
    /// How many values each rule masked.
    pub found: BTreeMap<Arc<str>, u32>,
    /// Fields that name the event and had a secret in them: masked, it would be another event.
    pub naming: BTreeSet<&'static str>,
}

impl Masker {
    /// By the rules that are built in; made once.
    ///
    /// # Panics
    /// Never: the rules that are built in are rules.
    pub fn usual() -> Arc<Self> {
        static USUAL: LazyLock<Arc<Masker>> = LazyLock::new(|| {
            let usual = Masker::new(&Rules::default());
            Arc::new(usual.expect("the rules that are built in are rules"))
        });
        Arc::clone(&USUAL)
    }

    /// Reads rules.
    ///
    /// # Errors
    /// Which rule is not one, what was found and what is expected.
    pub fn new(rules: &Rules) -> Result<Self, String> {
        rules.check()?;
        let names = Names::new(rules);
        let patterns = Patterns::new(rules, &names)?;
        let needles = Needles::new(&names, &patterns)?;
        let rules = rules.names();
        Ok(Self {
            names,
            patterns,
            needles,
            rules,
        })
    }

    /// The names of its rules.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rules.iter()
    }

    /// What stands for the value of a field of this name, if it is secret by that: for whoever says what
    /// was found in a field that should not be there.
    pub fn field(&self, name: &str) -> Option<String> {
        self.names.rule(name).map(|rule| mask(rule))
    }

    /// Masks one event as its sender wrote it, which is JSON. `None` if there is nothing to mask: for
    /// what has nothing near a secret in it, that is known after one look at each byte.
    pub fn event(&self, text: &[u8]) -> Option<Masked> {
        if !self.needles.are_in(text) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        self.walk(text, true)
    }

    /// Masks what is no JSON, or no event: rather too much than too little.
    pub fn text(&self, text: &str) -> Option<Masked> {
        let walked = self.walk(text, false);
        let (so_far, mut found) = match walked {
            Some(Masked { text, found, .. }) => (text, found),
            None => (text.to_owned(), BTreeMap::new()),
        };
        let masked = self
            .patterns
            .apply_loosely(&self.names, &so_far, &mut found);
        (!found.is_empty()).then(|| Masked {
            text: masked.unwrap_or(so_far),
            found,
            naming: BTreeSet::new(),
        })
    }

    fn walk(&self, text: &str, is_event: bool) -> Option<Masked> {
        let masked = walk::Walk::over(self, text, is_event).run();
        (!masked.found.is_empty()).then_some(masked)
    }
}

/// What stands where a secret stood.
fn mask(rule: &str) -> String {
    format!("{OPENING}{rule}]")
}

/// Whether a text is a mask and nothing else.
fn is_mask(text: &str) -> bool {
    mask_at(text) == Some(text.len())
}

/// How long the mask is that a text begins with.
fn mask_at(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(OPENING)?;
    let name = rest
        .bytes()
        .take_while(|byte| rules::is_letter(*byte))
        .count();
    let is_one = (1..=rules::LONGEST_NAME).contains(&name) && rest[name..].starts_with(']');
    is_one.then_some(OPENING.len() + name + 1)
}

fn count(found: &mut BTreeMap<Arc<str>, u32>, rule: &Arc<str>) {
    *found.entry(Arc::clone(rule)).or_default() += 1;
}

#[cfg(test)]
mod tests;
