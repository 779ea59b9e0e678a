//! What may stand at the top of the repository: a newcomer's first listing fits on one screen.

use std::collections::BTreeSet;

use super::Problem;

const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "docs",
    "migrations",
    "rust-toolchain.toml",
    "xtask",
];

/// The committed entries at the top that have no business there. Dotfiles are tools' settings.
pub(crate) fn check(committed: &[String]) -> Vec<Problem> {
    let entries: BTreeSet<&str> = committed
        .iter()
        .filter_map(|path| path.split('/').next())
        .collect();
    entries
        .into_iter()
        .filter(|entry| !entry.starts_with('.') && !TOP.contains(entry))
        .map(|entry| Problem {
            place: entry.to_owned(),
            found: "at the top of the repository".into(),
            expected: format!("only {} and dotfiles there", TOP.join(", ")),
            why: "each thing has a room: a page in docs, a tool in xtask, a sample in deploy",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_at_the_top_is_named_once() {
        let files = [
            ".gitignore",
            ".ci/run",
            "Cargo.toml",
            "crates/domain/src/lib.rs",
            "notes/a.md",
            "notes/b.md",
        ]
        .map(str::to_owned);
        let problems = check(&files);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].place, "notes");
    }
}
