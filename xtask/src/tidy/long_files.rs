//! Files too long to read in one sitting. Those there are, with their length, stand in a list
//! that may only shrink: it stops new ones and lets nobody wait for the old ones.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result};

use super::Problem;

/// Lines outside of tests that a file may have.
const LIMIT: usize = 500;

/// Lines by path.
pub(crate) type Lengths = BTreeMap<String, usize>;

const WHY: &str = "a file is read in one sitting";

/// The non-test lines of Rust files that are not tests themselves.
pub(crate) fn measure(files: &[(String, String)]) -> Lengths {
    files
        .iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path.clone(), non_test_lines(text)))
        .collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// All lines but those of inline `#[cfg(test)]` modules. What follows such a module counts again,
/// and a test module in a file of its own takes one line.
fn non_test_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        count += 1;
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        // Attributes may stand between the condition and the module.
        let mut between = 0;
        while lines
            .next_if(|next| next.trim_start().starts_with("#["))
            .is_some()
        {
            between += 1;
        }
        let opens = lines.peek().is_some_and(|next| is_inline_module(next));
        if opens {
            count -= 1;
            let indent = &line[..line.len() - line.trim_start().len()];
            // rustfmt puts the brace that closes a module under the start of its first line.
            let _module = lines
                .by_ref()
                .find(|next| next.strip_prefix(indent) == Some("}"));
        } else {
            count += between;
        }
    }
    count
}

fn is_inline_module(line: &str) -> bool {
    let words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub"));
    line.trim_end().ends_with('{') && words.take(1).any(|word| word == "mod")
}

/// Reads the list: `lines path` on each line, `#` for comments.
pub(crate) fn parse(list: &str) -> Result<Lengths> {
    list.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (count, path) = line
                .split_once(char::is_whitespace)
                .with_context(|| format!("not `lines path` in the list of long files: `{line}`"))?;
            let count = count
                .parse()
                .with_context(|| format!("not a number: `{line}`"))?;
            Ok((path.trim().to_owned(), count))
        })
        .collect()
}

/// The list as it is written.
pub(crate) fn render(listed: &Lengths) -> String {
    let mut text = format!(
        "# Files over {LIMIT} lines, tests left out. The list may only shrink: split a file by \
         meaning,\n# then `cargo xtask tidy --update`.\n"
    );
    for (path, count) in listed {
        let _infallible = writeln!(text, "{count} {path}");
    }
    text
}

/// New long files, longer ones, and entries that are now too high.
pub(crate) fn check(measured: &Lengths, listed: &Lengths) -> Vec<Problem> {
    let grown = measured.iter().filter_map(|(path, &count)| {
        let allowed = listed.get(path).copied().unwrap_or(LIMIT).max(LIMIT);
        (count > allowed).then(|| Problem {
            place: path.clone(),
            found: format!("{count} lines outside of tests"),
            expected: format!("at most {allowed}: split it by meaning"),
            why: WHY,
        })
    });
    let lowered = lowered(measured, listed);
    let shrunk = listed
        .iter()
        .filter(|(path, _)| lowered.get(*path) != listed.get(*path))
        .map(|(path, listed)| Problem {
            place: path.clone(),
            found: match measured.get(path) {
                Some(count) => format!("{count} lines, and {listed} in xtask/long-files.txt"),
                None => "in xtask/long-files.txt and nowhere else".into(),
            },
            expected: "the list lowered: cargo xtask tidy --update".into(),
            why: "what was won stays won",
        });
    grown.chain(shrunk).collect()
}

/// The list with every entry lowered to what its file measures, and those within the limit gone.
pub(crate) fn lowered(measured: &Lengths, listed: &Lengths) -> Lengths {
    listed
        .iter()
        .filter_map(|(path, &listed)| Some((path, listed.min(*measured.get(path)?))))
        .filter(|&(_, count)| count > LIMIT)
        .map(|(path, count)| (path.clone(), count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(entries: &[(&str, usize)]) -> Lengths {
        entries
            .iter()
            .map(|(path, count)| ((*path).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_new_long_file_is_caught() {
        let text = "//! Why.\n".repeat(LIMIT + 1);
        let measured = measure(&[("crates/a/src/b.rs".to_owned(), text)]);
        let problems = check(&measured, &Lengths::new());
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].found, "501 lines outside of tests");
    }

    #[test]
    fn a_listed_file_may_stay_and_may_not_grow() {
        let listed = lengths(&[("a.rs", 700)]);
        assert_eq!(check(&lengths(&[("a.rs", 700)]), &listed), []);
        assert_eq!(check(&lengths(&[("a.rs", 701)]), &listed).len(), 1);
    }

    #[test]
    fn a_shortened_file_asks_for_the_list_to_be_lowered() {
        let listed = lengths(&[("a.rs", 700), ("b.rs", 600), ("gone.rs", 900)]);
        let measured = lengths(&[("a.rs", 650), ("b.rs", 500), ("new.rs", 501)]);
        let problems = check(&measured, &listed);
        let places: Vec<&str> = problems
            .iter()
            .map(|problem| problem.place.as_str())
            .collect();
        assert_eq!(places, ["new.rs", "a.rs", "b.rs", "gone.rs"]);
        assert_eq!(lowered(&measured, &listed), lengths(&[("a.rs", 650)]));
    }

    #[test]
    fn lowering_never_raises() {
        let listed = lengths(&[("a.rs", 700)]);
        assert_eq!(lowered(&lengths(&[("a.rs", 800)]), &listed), listed);
    }

    #[test]
    fn test_modules_do_not_count_and_what_follows_them_does() {
        for (text, expected) in [
            ("a\nb\n", 2),
            ("a\n#[cfg(test)]\nmod tests {\n    fn f() {\n    }\n}\n", 1),
            ("a\n#[cfg(test)]\nmod tests {\n    x\n}\nb\nc\n", 3),
            (
                "a\n#[cfg(test)]\n#[allow(x)]\npub(crate) mod fake {\n    x\n}\nb\n",
                2,
            ),
            ("a\n#[cfg(test)]\nmod tests;\nb\n", 4),
            ("a\n#[cfg(test)]\nuse b;\nc\n", 4),
            (
                "mod a {\n    #[cfg(test)]\n    mod b {\n        x\n    }\n    y\n}\n",
                3,
            ),
        ] {
            assert_eq!(non_test_lines(text), expected, "{text}");
        }
    }

    #[test]
    fn test_files_are_not_measured() {
        let long = "x\n".repeat(LIMIT * 2);
        let files = ["crates/a/tests/all.rs", "crates/a/src/b/tests.rs"]
            .map(|path| (path.to_owned(), long.clone()));
        assert!(measure(&files).is_empty());
    }

    #[test]
    fn the_list_reads_back_as_it_was_written() {
        let listed = lengths(&[("crates/a b.rs", 700), ("crates/c.rs", 501)]);
        assert_eq!(parse(&render(&listed)).expect("a list"), listed);
        assert!(parse("many crates/a.rs").is_err());
        assert!(parse("700").is_err());
    }
}
