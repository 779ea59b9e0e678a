//! What is masked: names of fields, patterns of values, and what is left alone. Those that are built in
//! hold for everybody; a configuration adds to them and takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Letters of a rule's name.
pub(super) const LONGEST_NAME: usize = 32;
/// Rules that a configuration may add.
const MOST_RULES: usize = 64;
/// Names of fields that one rule may have.
const MOST_FIELDS: usize = 64;
/// Bytes of a field's name in a rule.
const LONGEST_FIELD: usize = 64;

/// Fields that are secrets by their name, by rule. A name is meant in all its spellings, and as the end
/// of a longer one: `api_key` is `apiKey`, `X-API-Key` and `stripe_api_key`.
pub(super) const FIELDS: &[(&str, &[&str])] = &[
    (
        "password",
        &[
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "passcode",
            "password_hash",
            "password_confirmation",
        ],
    ),
    ("secret", &["secret", "secrets", "secret_key"]),
    ("token", &["token"]),
    ("authorization", &["authorization"]),
    (
        "api_key",
        &[
            "api_key",
            "access_key",
            "account_key",
            "auth_key",
            "encryption_key",
            "master_key",
            "signing_key",
            "subscription_key",
        ],
    ),
    ("private_key", &["private_key", "ssh_key"]),
    ("cookie", &["cookie", "cookies"]),
    ("credentials", &["credential", "credentials"]),
    (
        "one_time_code",
        &["otp", "one_time_code", "one_time_password", "mfa_code"],
    ),
];

/// Fields that end like one of these and say where to go on, not who may.
const EXCEPT: &[&str] = &[
    "page_token",
    "next_page_token",
    "next_token",
    "continuation_token",
    "pagination_token",
    "idempotency_token",
    "cancellation_token",
];

/// A secret by its form.
pub(super) struct BuiltIn {
    pub(super) rule: &'static str,
    /// The secret is what the first group holds, or all of it where there is no group.
    pub(super) pattern: &'static str,
    /// One of these is in every text that fits; written as it is meant, capitals count unless all
    /// letters are small.
    pub(super) needles: &'static [&'static str],
}

/// Forms of secrets, those first that hold others.
pub(super) const PATTERNS: &[BuiltIn] = &[
    BuiltIn {
        rule: "private_key",
        pattern: r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
        needles: &["PRIVATE KEY"],
    },
    BuiltIn {
        rule: "pts_token",
        pattern: r"pts_[0-9a-f]{12,}(?:_[0-9a-f]{0,8})?",
        needles: &["pts_"],
    },
    BuiltIn {
        rule: "aws_key",
        pattern: r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
        needles: &["AKIA", "ASIA", "ABIA", "ACCA"],
    },
    BuiltIn {
        rule: "github_token",
        pattern: r"\b(?:gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,})",
        needles: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    },
    BuiltIn {
        rule: "gitlab_token",
        pattern: r"\bglpat-[0-9A-Za-z_-]{16,}",
        needles: &["glpat-"],
    },
    BuiltIn {
        rule: "slack_token",
        pattern: r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}|hooks\.slack\.com/services/([0-9A-Za-z/]{20,})",
        needles: &["xox", "hooks.slack.com"],
    },
    BuiltIn {
        rule: "stripe_key",
        pattern: r"\b[rs]k_live_[0-9A-Za-z]{10,}",
        needles: &["k_live_"],
    },
    BuiltIn {
        rule: "google_key",
        pattern: r"\bAIza[0-9A-Za-z_-]{30,}",
        needles: &["AIza"],
    },
    BuiltIn {
        rule: "npm_token",
        pattern: r"\bnpm_[0-9A-Za-z]{30,}",
        needles: &["npm_"],
    },
    BuiltIn {
        rule: "jwt",
        pattern: r"\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{4,}(?:\.[0-9A-Za-z_-]*)?",
        needles: &["eyJ"],
    },
    BuiltIn {
        rule: "authorization",
        pattern: r#"(?i)authorization["']?\s*[:=]\s*["']?(?:basic|bearer|digest|negotiate|token|apikey)\s+([^\s"',]+)"#,
        needles: &[
            "authorization:",
            "authorization=",
            "authorization\\",
            "authorization'",
        ],
    },
    BuiltIn {
        rule: "bearer",
        pattern: r"(?i)\bbearer\s+([0-9A-Za-z._~+/=-]{16,})",
        needles: &["bearer "],
    },
    BuiltIn {
        rule: "cookie",
        pattern: r#"(?i)\bcookie:\s*([^\s=;"']+=[^\r\n"']+)"#,
        needles: &["cookie:"],
    },
    BuiltIn {
        rule: "url_password",
        pattern: r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#"'@:]*:([^\s/?#"']+)@"#,
        needles: &["://"],
    },
];

/// What is masked besides what is built in, and what is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Rules that are built in and do not apply.
    pub off: BTreeSet<String>,
    /// Fields that are not masked for their name.
    pub except: BTreeSet<String>,
    /// More fields that are secrets by their name, by the rule's name.
    pub fields: BTreeMap<String, Vec<String>>,
    /// More forms of secrets, by the rule's name: a regular expression whose first group, if it has
    /// one, is what is masked.
    pub patterns: BTreeMap<String, String>,
}

impl Rules {
    /// The names of all rules that apply.
    pub(super) fn names(&self) -> BTreeSet<Arc<str>> {
        let built_in = built_in().filter(|rule| self.applies(rule));
        let more = self.fields.keys().chain(self.patterns.keys());
        let more = more.map(|rule| Arc::from(rule.as_str()));
        built_in.map(Arc::from).chain(more).collect()
    }

    /// Whether a rule that is built in applies.
    pub(super) fn applies(&self, rule: &str) -> bool {
        !self.off.contains(rule)
    }

    /// Fields that are not masked for their name.
    pub(super) fn excepted(&self) -> impl Iterator<Item = &str> {
        EXCEPT
            .iter()
            .copied()
            .chain(self.except.iter().map(String::as_str))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(unknown) = self
            .off
            .iter()
            .find(|off| built_in().all(|rule| rule != *off))
        {
            let rules: BTreeSet<_> = built_in().collect();
            let rules: Vec<_> = rules.into_iter().collect();
            return Err(format!(
                "off: found `{unknown}`; expected rules that are built in: {}",
                rules.join(", ")
            ));
        }
        if self.fields.len() + self.patterns.len() > MOST_RULES {
            return Err(format!("fields, patterns: more than {MOST_RULES} rules"));
        }
        for rule in self.fields.keys().chain(self.patterns.keys()) {
            let fits = (1..=LONGEST_NAME).contains(&rule.len()) && rule.bytes().all(is_letter);
            if !fits {
                return Err(format!(
                    "found the rule `{rule}`; expected a name of 1 to {LONGEST_NAME} small letters, \
                     digits and `_`"
                ));
            }
        }
        for (rule, fields) in &self.fields {
            if fields.is_empty() || fields.len() > MOST_FIELDS {
                let number = fields.len();
                return Err(format!(
                    "fields.{rule}: found {number} names; expected 1 to {MOST_FIELDS}"
                ));
            }
        }
        let fields = self.fields.values().flatten().chain(&self.except);
        match fields.into_iter().find(|field| !is_field(field)) {
            Some(field) => Err(format!(
                "found the field `{field}`; expected a name of 2 to {LONGEST_FIELD} letters, digits \
                 and `_`, `-`, `.`"
            )),
            None => Ok(()),
        }
    }
}

fn built_in() -> impl Iterator<Item = &'static str> {
    let fields = FIELDS.iter().map(|(rule, _)| *rule);
    fields.chain(PATTERNS.iter().map(|pattern| pattern.rule))
}

/// Whether a rule's name may have this letter.
pub(super) const fn is_letter(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

fn is_field(name: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    (2..=LONGEST_FIELD).contains(&name.len())
        && name.chars().all(letter)
        && name.chars().any(char::is_alphanumeric)
}
