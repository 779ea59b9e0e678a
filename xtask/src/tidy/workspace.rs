//! The workspace's crates and what each of them names as a dependency.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The crates of a workspace.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
}

/// One crate.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest states it.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package's own name, whatever it is renamed to.
    pub(crate) name: String,
    /// Only tests, examples and benches see it.
    pub(crate) dev: bool,
    pub(crate) optional: bool,
}

impl Workspace {
    /// Reads the manifests under `root`; nothing is resolved or downloaded.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(root)
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()
            .context("the workspace's manifests cannot be read")?;
        Ok(Self::from_metadata(metadata))
    }

    fn from_metadata(metadata: Metadata) -> Self {
        let members = metadata.packages.into_iter().map(|package| Member {
            name: package.name.to_string(),
            dependencies: package
                .dependencies
                .into_iter()
                .map(|dependency| Dependency {
                    name: dependency.name,
                    dev: dependency.kind == DependencyKind::Development,
                    optional: dependency.optional,
                })
                .collect(),
        });
        Self {
            members: members.collect(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }
}

/// True where `name` is `pattern`, or starts with it where the pattern ends in `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! Workspaces that never were.

    use std::fs;

    use super::{Dependency, Member, Workspace};

    /// `"pts-api"` is a normal dependency, `"dev:x"` a dev-dependency, `"optional:x"` an optional
    /// one.
    pub(crate) fn workspace(members: &[(&str, &[&str])]) -> Workspace {
        let members = members.iter().map(|(name, dependencies)| Member {
            name: (*name).into(),
            dependencies: dependencies.iter().map(|text| dependency(text)).collect(),
        });
        Workspace {
            members: members.collect(),
        }
    }

    fn dependency(text: &str) -> Dependency {
        let (kind, name) = text.split_once(':').unwrap_or(("", text));
        Dependency {
            name: name.into(),
            dev: kind == "dev",
            optional: kind == "optional",
        }
    }

    /// A workspace on disk of empty crates: name and what follows `[package]` in the manifest.
    pub(crate) fn on_disk(members: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n",
        );
        for (name, rest) in members {
            let package = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{rest}");
            write(&format!("{name}/Cargo.toml"), &package);
            write(&format!("{name}/src/lib.rs"), "//! Nothing.\n");
        }
        root
    }
}
