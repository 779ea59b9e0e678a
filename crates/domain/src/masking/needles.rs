//! The first look at an event: is anything in it that could be a secret? Most have nothing, and for
//! those this is all that masking costs: one automaton over the bytes, as they came.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::patterns::Patterns;
use super::spelling::Names;

/// What every secret has in or near it.
#[derive(Debug)]
pub(super) struct Needles {
    automaton: AhoCorasick,
    kinds: Vec<Kind>,
    /// Some patterns have nothing that could be looked for: every event is looked through.
    always: bool,
}

#[derive(Debug)]
enum Kind {
    /// The end of a field's name.
    Name,
    /// A part of a value, whose capitals count if they are given.
    Value(Option<&'static str>),
    /// What comes before the user of an address.
    Address,
    /// A letter that was written as an escape: it could be any.
    Escape,
}

impl Needles {
    pub(super) fn new(names: &Names, patterns: &Patterns) -> Result<Self, String> {
        let mut texts: Vec<&str> = Vec::new();
        let mut kinds = Vec::new();
        for name in names.spellings() {
            texts.push(name);
            kinds.push(Kind::Name);
        }
        for needle in patterns.needles() {
            texts.push(needle);
            let exact = needle.bytes().any(|byte| byte.is_ascii_uppercase());
            kinds.push(if needle == "://" {
                Kind::Address
            } else {
                Kind::Value(exact.then_some(needle))
            });
        }
        // No other escape stands for a letter that a needle has.
        for escape in [r"\u", r"\/"] {
            texts.push(escape);
            kinds.push(Kind::Escape);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(texts)
            .map_err(|error| format!("the rules are too many: {error}"))?;
        Ok(Self {
            automaton,
            kinds,
            always: patterns.are_open(),
        })
    }

    /// Whether something in this JSON could be a secret.
    pub(super) fn are_in(&self, json: &[u8]) -> bool {
        self.always
            || self.automaton.find_overlapping_iter(json).any(|found| {
                let rest = &json[found.end()..];
                match self.kinds[found.pattern().as_usize()] {
                    Kind::Name => ends_name(rest),
                    Kind::Value(None) | Kind::Escape => true,
                    Kind::Value(Some(exact)) => &json[found.range()] == exact.as_bytes(),
                    Kind::Address => has_user(rest),
                }
            })
    }
}

/// Whether a name may end here: in JSON, in JSON within a text, or before a value in a text.
fn ends_name(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'"' | b'\\' | b'=') => true,
        Some(b' ') => rest.get(1) == Some(&b'='),
        _ => false,
    }
}

/// Whether an address goes on with a user.
fn has_user(rest: &[u8]) -> bool {
    let mut host = rest
        .iter()
        .take_while(|byte| !matches!(byte, b'/' | b'?' | b'#' | b'"' | b' '));
    host.any(|byte| *byte == b'@')
}
