//! What the text of a file says about it: that it opens with its purpose, and that nobody left
//! something behind to do later.

use super::Problem;
use crate::repo;

/// Rust files whose first line is not a `//!` with words in it.
pub(crate) fn check_openings(files: &[(String, String)]) -> Vec<Problem> {
    let silent = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        first
            .strip_prefix("//!")
            .is_none_or(|words| words.trim().is_empty())
    };
    files
        .iter()
        .filter(|(_, text)| silent(text))
        .map(|(path, text)| Problem {
            place: format!("{path}:1"),
            found: match text.lines().next() {
                Some(line) => format!("`{line}`"),
                None => "an empty file".into(),
            },
            expected: "`//!` and one to five lines on why the file exists".into(),
            why: "a reader who opens a room is told what it is for",
        })
        .collect()
}

/// Words that say the work is not done; the second list only counts in Rust. They are put
/// together here so that this file does not hold them itself.
const EVERYWHERE: [&str; 3] = [
    concat!("FIX", "ME"),
    concat!("<<<<", "<<< "),
    concat!(">>>>", ">>> "),
];
const IN_RUST: [&str; 3] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
];

/// Lines with a word that says the work is not done.
pub(crate) fn check_words(files: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in files {
        let in_rust: &[&str] = if repo::has_extension(path, "rs") {
            &IN_RUST
        } else {
            &[]
        };
        for (index, line) in text.lines().enumerate() {
            for word in EVERYWHERE
                .iter()
                .chain(in_rust)
                .filter(|word| holds(line, word))
            {
                problems.push(Problem {
                    place: format!("{path}:{}", index + 1),
                    found: format!("`{}`", word.trim_end()),
                    expected: "the work done, or an issue that says what is missing".into(),
                    why: "a note in the code is found by the next failure, not by the next reader",
                });
            }
        }
    }
    problems
}

/// The word on its own, not the end of a longer one.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Vec<(String, String)> {
        vec![(path.to_owned(), text.to_owned())]
    }

    #[test]
    fn a_file_that_does_not_say_why_it_exists_is_caught() {
        for text in [
            "",
            "use std::fs;\n",
            "//!\nuse a;\n",
            "// why\n",
            "\n//! why\n",
        ] {
            assert_eq!(
                check_openings(&file("crates/a/src/b.rs", text)).len(),
                1,
                "{text:?}"
            );
        }
        assert_eq!(check_openings(&file("crates/a/src/b.rs", "//! Why.\n")), []);
    }

    #[test]
    fn what_was_left_to_do_is_caught_on_its_line() {
        let text = format!("//! Why.\nfn f() {{ {}() }}\n", IN_RUST[0]);
        let problems = check_words(&file("crates/a/src/b.rs", &text));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "crates/a/src/b.rs:2");

        let text = format!("A page.\n\n{}: later\n", EVERYWHERE[0]);
        assert_eq!(check_words(&file("docs/a.md", &text)).len(), 1);
    }

    #[test]
    fn a_page_may_speak_of_a_macro_and_a_name_may_end_in_one() {
        assert_eq!(check_words(&file("docs/a.md", IN_RUST[0])), []);
        assert_eq!(
            check_words(&file("crates/a/src/b.rs", &format!("my_{}", IN_RUST[2]))),
            []
        );
    }
}
