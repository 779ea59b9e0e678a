//! The names of secret fields in all their spellings: `api_key`, `apiKey`, `X-API-Key`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Rules;
use super::rules::FIELDS;

/// What stands between the words of a name.
const JOINTS: [&str; 5] = ["", "_", "-", ".", " "];
/// A name as short as this is no part of a longer word: `pwd` is not in `cpwd`.
const SHORT: usize = 4;

/// Names of secret fields.
#[derive(Debug)]
pub(super) struct Names {
    spellings: Vec<(String, Arc<str>)>,
    except: BTreeSet<String>,
}

impl Names {
    pub(super) fn new(rules: &Rules) -> Self {
        let built_in = FIELDS.iter().filter(|(rule, _)| rules.applies(rule));
        let built_in = built_in.flat_map(|(rule, names)| {
            let rule: Arc<str> = Arc::from(*rule);
            names.iter().map(move |name| (*name, Arc::clone(&rule)))
        });
        let more = rules.fields.iter().flat_map(|(rule, names)| {
            let rule: Arc<str> = Arc::from(rule.as_str());
            names
                .iter()
                .map(move |name| (name.as_str(), Arc::clone(&rule)))
        });
        let spellings = built_in.chain(more).flat_map(|(name, rule)| {
            let spelt = spelt(name).into_iter();
            spelt.map(move |spelling| (spelling, Arc::clone(&rule)))
        });
        Self {
            spellings: spellings.collect(),
            except: rules.excepted().map(bare).collect(),
        }
    }

    /// Every spelling, in small letters.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &str> {
        self.spellings.iter().map(|(spelling, _)| spelling.as_str())
    }

    /// The rule by which a field of this name is secret.
    pub(super) fn rule(&self, field: &str) -> Option<&Arc<str>> {
        let ends = |(spelling, _): &&(String, Arc<str>)| ends_with(field, spelling);
        let (_, rule) = self.spellings.iter().find(ends)?;
        (!self.except.contains(&bare(field))).then_some(rule)
    }
}

fn ends_with(field: &str, spelling: &str) -> bool {
    let Some(begin) = field.len().checked_sub(spelling.len()) else {
        return false;
    };
    let (before, end) = field.as_bytes().split_at(begin);
    end.eq_ignore_ascii_case(spelling.as_bytes())
        && (spelling.len() > SHORT || begins_word(before.last().copied(), end[0]))
}

/// Whether a word begins with `first` after `before`, as names are put together.
fn begins_word(before: Option<u8>, first: u8) -> bool {
    before.is_none_or(|before| {
        !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && first.is_ascii_uppercase())
    })
}

/// A name's words, joined in every way.
fn spelt(name: &str) -> BTreeSet<String> {
    let name = name.to_lowercase();
    let words: Vec<_> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    JOINTS.iter().map(|joint| words.join(joint)).collect()
}

/// A name without what stands between its words.
fn bare(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_meant_in_all_its_spellings_and_at_the_end_of_longer_ones() {
        let names = Names::new(&Rules::default());
        let check = |field: &str, rule: Option<&str>| {
            assert_eq!(names.rule(field).map(AsRef::as_ref), rule, "{field}");
        };
        for field in [
            "password",
            "PASSWORD",
            "db_password",
            "userPassword",
            "pwd",
            "dbPwd",
            "DB_PWD",
        ] {
            check(field, Some("password"));
        }
        for field in [
            "api_key",
            "apiKey",
            "X-API-Key",
            "api.key",
            "stripeApiKey",
            "API Key",
        ] {
            check(field, Some("api_key"));
        }
        check("aws_secret_access_key", Some("api_key"));
        check("accessToken", Some("token"));
        check("client_secret", Some("secret"));
        check("Set-Cookie", Some("cookie"));
        for field in [
            "token_count",
            "max_tokens",
            "tokens",
            "password_changed",
            "cpwd",
            "keyboard",
            "secretary",
            "next_page_token",
            "nextPageToken",
            "key",
            "",
            "oldpwd",
        ] {
            check(field, None);
        }
    }
}
