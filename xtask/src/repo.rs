//! The repository as the tasks see it: where it is, and which files git would commit.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::command;

/// The repository's root directory.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or(xtask.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds, wherever that is set.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .context("the workspace's manifests cannot be read")?;
    Ok(metadata.target_directory.into())
}

/// The files of a checkout, by their path from its root with `/` between the parts.
pub(crate) struct Repo {
    pub(crate) root: PathBuf,
    /// In the index.
    pub(crate) committed: Vec<String>,
    /// In the index or about to be added, and really there; ignored files are not.
    pub(crate) present: Vec<String>,
}

impl Repo {
    /// Asks git which files there are.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let committed = list(root, &["--cached"])?;
        let mut present = list(root, &["--cached", "--others", "--exclude-standard"])?;
        present.retain(|path| root.join(path).is_file());
        Ok(Self {
            root: root.to_path_buf(),
            committed,
            present,
        })
    }

    /// The text of a file, or `None` where it is not text.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>> {
        let bytes =
            fs::read(self.root.join(path)).with_context(|| format!("cannot read {path}"))?;
        Ok(String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0')))
    }

    /// The present files that `wanted` picks, with their text; others are left out.
    pub(crate) fn texts(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>> {
        let mut texts = Vec::new();
        for path in self.present.iter().filter(|path| wanted(path)) {
            if let Some(text) = self.text(path)? {
                texts.push((path.clone(), text));
            }
        }
        Ok(texts)
    }
}

fn list(root: &Path, which: &[&str]) -> Result<Vec<String>> {
    let listing = command::read(
        Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z"])
            .args(which),
    )
    .context("the tidy checks look at the files git knows")?;
    let mut paths: Vec<String> = listing
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// True for a Rust file of the workspace.
pub(crate) fn is_rust(path: &str) -> bool {
    has_extension(path, "rs") && (path.starts_with("crates/") || path.starts_with("xtask/"))
}

/// True where the file's name ends in `.extension`.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_are_seen_and_ignored_or_deleted_ones_are_not() {
        let checkout = tempfile::tempdir().expect("a directory");
        let root = checkout.path();
        let git = |args: &[&str]| command::read(Command::new("git").arg("-C").arg(root).args(args));
        git(&["init", "-q"]).expect("git");
        for name in [".gitignore", "kept.rs", "gone.rs", "new file.md", "out.log"] {
            fs::write(root.join(name), "*.log\n").expect("a file");
        }
        git(&["add", ".gitignore", "kept.rs", "gone.rs"]).expect("git add");
        fs::remove_file(root.join("gone.rs")).expect("removed");

        let repo = Repo::open(root).expect("a checkout");
        assert_eq!(repo.committed, [".gitignore", "gone.rs", "kept.rs"]);
        assert_eq!(repo.present, [".gitignore", "kept.rs", "new file.md"]);
    }

    #[test]
    fn binary_files_have_no_text() {
        let checkout = tempfile::tempdir().expect("a directory");
        fs::write(checkout.path().join("a.png"), b"\x89PNG\0\0").expect("a file");
        let repo = Repo {
            root: checkout.path().into(),
            committed: vec![],
            present: vec![],
        };
        assert_eq!(repo.text("a.png").expect("readable"), None);
    }
}
