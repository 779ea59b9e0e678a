//! What was planted, what came out, and whether the one is in the other in any form that a program
//! would write it in.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// In every word that is planted.
const MARK: &str = "q7canary";

/// Secrets that must not come out.
#[derive(Default)]
pub(super) struct Canaries {
    /// What each was planted as, and the form in which it is searched for.
    needles: Vec<(String, Vec<u8>)>,
    words: usize,
}

impl Canaries {
    /// A word that is nowhere else.
    pub(super) fn word(&mut self, planted_as: &str) -> String {
        self.words += 1;
        let word = format!("{MARK}{:04}zx", self.words);
        self.add(planted_as, &word);
        word
    }

    /// A text that looks like a token of ours and is none.
    pub(super) fn false_token(&mut self, planted_as: &str) -> String {
        self.words += 1;
        let digits = format!(
            "{:040x}",
            0xc0ff_ee0d_dba1_1c0f_fee0_ddba_11c0_0000_u128 + self.words as u128
        );
        let token = format!("pts_{digits}_00000000");
        self.token(planted_as, &token);
        token
    }

    /// A token or code: what was drawn of it is the secret.
    pub(super) fn token(&mut self, planted_as: &str, token: &str) {
        let drawn = token.split('_').nth(1).expect("a token");
        assert!(drawn.len() >= 32, "{planted_as}");
        self.add(planted_as, drawn);
    }

    fn add(&mut self, planted_as: &str, secret: &str) {
        let mut forms = vec![secret.as_bytes().to_vec(), hex::encode(secret).into_bytes()];
        // Base64 of something that it is in depends on where in it.
        for before in ["", "x", "xx"] {
            let encoded = BASE64_STANDARD.encode(format!("{before}{secret}"));
            let inner = encoded.trim_end_matches('=');
            forms.push(inner.as_bytes()[4..inner.len() - 2].to_vec());
        }
        let forms = forms.into_iter().map(|form| (planted_as.to_owned(), form));
        self.needles.extend(forms);
    }

    /// Looks for all of them at once.
    pub(super) fn search(&self) -> Search<'_> {
        let needles = self.needles.iter().map(|(_, needle)| needle);
        Search {
            automaton: AhoCorasick::new(needles).unwrap(),
            canaries: self,
        }
    }
}

/// Canaries, ready to be looked for.
pub(super) struct Search<'c> {
    automaton: AhoCorasick,
    canaries: &'c Canaries,
}

impl<'c> Search<'c> {
    /// As what the secrets that are in this were planted.
    pub(super) fn found_in(&self, bytes: &[u8]) -> BTreeSet<&'c str> {
        let found = self.automaton.find_iter(bytes);
        found
            .map(|found| self.canaries.needles[found.pattern()].0.as_str())
            .collect()
    }
}

/// Everything that came out.
#[derive(Default)]
pub(super) struct Findings(Vec<(String, Vec<u8>)>);

impl Findings {
    pub(super) fn out(&mut self, what: &str, bytes: impl AsRef<[u8]>) {
        self.0.push((what.to_owned(), bytes.as_ref().to_vec()));
    }

    /// Every file below a directory, but for those that hold a secret because they must.
    pub(super) fn files(&mut self, directory: &Path, but: &[&str]) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                self.files(&path, but);
            } else if path.is_file() && !but.contains(&name.as_str()) {
                let bytes = std::fs::read(&path).unwrap();
                self.0.push((format!("the file {}", path.display()), bytes));
            }
        }
    }

    /// Whether something is in what came out there.
    pub(super) fn holds(&self, what: &str, text: &str) -> bool {
        let mut there = self.0.iter().filter(|(place, _)| place.starts_with(what));
        there.any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(text))
    }

    /// Where a secret came out, and what it was planted as.
    pub(super) fn leaks(&self, canaries: &Canaries) -> Vec<String> {
        let search = canaries.search();
        let leaks = self.0.iter().flat_map(|(place, bytes)| {
            let found = search.found_in(bytes);
            found
                .into_iter()
                .map(move |planted_as| format!("{place}: {planted_as}"))
        });
        let mut leaks: Vec<_> = leaks.collect();
        leaks.sort();
        leaks.dedup();
        leaks
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let mut canaries = Canaries::default();
    let word = canaries.word("a password");
    let encoded = |text: String| BASE64_STANDARD.encode(text);
    for text in [
        format!("x{word}y"),
        hex::encode(format!("a{word}")),
        encoded(format!("user:{word}")),
        encoded(format!("users:{word}")),
        encoded(format!("u:{word}")),
    ] {
        assert!(
            !canaries.search().found_in(text.as_bytes()).is_empty(),
            "{text}"
        );
    }
    assert!(canaries.search().found_in(b"q7canary").is_empty());
}
