//! Tests that documents name. A page that says "this is tested" is believed, so the test must be there:
//! a link whose text is the name of a function and that leads to a Rust file leads to that function.

use std::collections::BTreeMap;

use super::Problem;

/// The names in `pages` (path and text) that are no tests of the Rust files in `files`.
pub(crate) fn check(pages: &[(String, String)], files: &[(String, String)]) -> Vec<Problem> {
    let files: BTreeMap<&str, &str> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let mut problems = Vec::new();
    for (page, text) in pages {
        for (index, line) in text.lines().enumerate() {
            for (name, target) in named(line) {
                let file = resolve(page, target);
                let found = match files.get(file.as_str()) {
                    // That the file is there is another check's to say.
                    None => continue,
                    Some(text) if is_test(text, name, &file) => continue,
                    Some(text) if text.contains(&format!("fn {name}(")) => "is no test",
                    Some(_) => "is not in it",
                };
                problems.push(Problem {
                    place: format!("{page}:{}", index + 1),
                    found: format!("`{name}` {found}: {file}"),
                    expected: "the name of a test in that file".into(),
                    why: "what a page says is tested must be",
                });
            }
        }
    }
    problems
}

/// Names of functions that are the text of links, and where these lead. A test's name is a sentence.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices("[`").filter_map(|(at, mark)| {
        let (name, rest) = line[at + mark.len()..].split_once("`](")?;
        let (target, _) = rest.split_once(')')?;
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_sentence = name.bytes().all(letter) && name.matches('_').count() >= 2;
        let path = target.split('#').next().unwrap_or_default();
        let is_rust = std::path::Path::new(path)
            .extension()
            .is_some_and(|end| end == "rs");
        (is_sentence && is_rust).then_some((name, path))
    })
}

/// Whether a file has a test of that name. What a contract suite asserts is run by others.
fn is_test(text: &str, name: &str, file: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else {
        return false;
    };
    let before = text[..at].lines().rev().take(4);
    let attribute = |line: &str| line.trim_start().starts_with("#[") && line.contains("test");
    file.contains("/contract/") || before.into_iter().any(attribute)
}

fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(line: &str) -> Vec<String> {
        let text = "#[test]\nfn a_thing_is_so() {}\n\n    #[tokio::test]\n    async fn another_is_so_too() {}\n\
                    \n\n\n\n\nfn it_only_helps() {}\n";
        let files = [
            ("crates/a/tests/it/b.rs".to_owned(), text.to_owned()),
            (
                "crates/kit/src/contract/c.rs".to_owned(),
                "pub async fn what_all_keep_to(x: u8) {}".to_owned(),
            ),
        ];
        let pages = [("docs/security.md".to_owned(), line.to_owned())];
        check(&pages, &files)
            .into_iter()
            .map(|problem| problem.found)
            .collect()
    }

    #[test]
    fn tests_that_are_there_may_be_named() {
        let line = "| x | [`a_thing_is_so`](../crates/a/tests/it/b.rs), \
                    [`another_is_so_too`](../crates/a/tests/it/b.rs#L4) |\
                    [`what_all_keep_to`](../crates/kit/src/contract/c.rs) [`domain`](../crates/a/tests/it/b.rs)";
        assert_eq!(problems(line), [""; 0]);
    }

    #[test]
    fn a_name_that_is_no_test_is_caught_on_its_line() {
        let found = problems("[`a_thing_was_so`](../crates/a/tests/it/b.rs)");
        assert_eq!(
            found,
            ["`a_thing_was_so` is not in it: crates/a/tests/it/b.rs"]
        );
        let found = problems("[`it_only_helps`](../crates/a/tests/it/b.rs)");
        assert_eq!(
            found,
            ["`it_only_helps` is no test: crates/a/tests/it/b.rs"]
        );
    }
}
