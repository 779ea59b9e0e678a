//! What the core's tests are built with. `cargo metadata` resolves the whole workspace at once and
//! so shows features that another crate asked for; `cargo tree` for the two crates shows exactly
//! what `cargo test -p pts-domain -p pts-services` builds.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, bail};

use super::{Problem, workspace::matches};
use crate::{cargo, command};

/// The crates that need nothing but a compiler.
const CORE: [&str; 2] = ["pts-domain", "pts-services"];

/// Database drivers and pools, container libraries, web frameworks and clients, and whatever
/// opens a socket (`mio` and `socket2` are how tokio's `net` feature shows).
const FORBIDDEN: &[&str] = &[
    "diesel*",
    "tokio-postgres*",
    "postgres*",
    "pq-sys",
    "libpq*",
    "sqlx*",
    "rusqlite",
    "deadpool*",
    "bb8*",
    "mobc*",
    "r2d2*",
    "testcontainers*",
    "bollard*",
    "actix*",
    "axum*",
    "warp",
    "rocket*",
    "tonic*",
    "tower-http",
    "hyper*",
    "h2",
    "reqwest*",
    "ureq*",
    "rustls*",
    "openssl*",
    "native-tls",
    "mio",
    "socket2",
    "pts-adapter-*",
];

/// The forbidden crates in what the core is built with.
pub(crate) fn check(root: &Path) -> Result<Vec<Problem>> {
    check_tree(&read(root, &CORE)?)
}

/// `cargo tree` over normal, build and (for `packages` themselves) dev-dependencies.
fn read(root: &Path, packages: &[&str]) -> Result<String> {
    let mut tree = cargo::cargo();
    tree.current_dir(root)
        .args(["tree", "--edges", "normal,build,dev"]);
    tree.args(["--prefix", "depth", "--format", "{p}"]);
    for package in packages {
        tree.args(["--package", package]);
    }
    command::read(&mut tree)
}

/// Finds forbidden crates in the output of `cargo tree --prefix depth --format {p}`, each once,
/// with the path that brings it in.
fn check_tree(tree: &str) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (depth, name) = parse(line)?;
        path.truncate(depth);
        if path.len() != depth {
            bail!("cargo tree skips a level at `{line}`");
        }
        let inside_another = path.iter().any(|above| forbidden(above));
        path.push(name);
        if forbidden(name) && !inside_another && seen.insert(name) {
            problems.push(Problem {
                place: path[0].to_owned(),
                found: path.join(" -> "),
                expected: format!("no {name}, directly or through another crate"),
                why: "the core builds and is tested in seconds with no database driver, container \
                      library, web framework or network",
            });
        }
    }
    if path.is_empty() {
        bail!("cargo tree shows no crate");
    }
    Ok(problems)
}

fn forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|pattern| matches(pattern, name))
}

/// `3syn v3.0.9 (*)` is `syn`, three levels down.
fn parse(line: &str) -> Result<(usize, &str)> {
    let digits = line
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(line.len());
    let depth = line[..digits]
        .parse()
        .with_context(|| format!("not a depth: `{line}`"))?;
    let name = line[digits..].split(' ').next().unwrap_or_default();
    Ok((depth, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::fake::on_disk;

    #[test]
    fn a_forbidden_tree_member_is_caught_with_the_path_to_it() {
        let tree = "0pts-domain v0.1.0 (/a b/crates/domain)\n\
                    1chrono v0.4.45\n\
                    2num-traits v0.2.19\n\
                    1pts-testkit v0.1.0 (/a b/crates/testkit)\n\
                    2testcontainers v0.28.0\n\
                    3bollard v0.20.0\n\
                    2syn v3.0.9 (*)\n\
                    \n\
                    0pts-services v0.1.0 (/a b/crates/services)\n\
                    1tokio v1.54.1\n\
                    2mio v1.0.0\n\
                    1pts-testkit v0.1.0 (/a b/crates/testkit) (*)\n";
        let found: Vec<String> = check_tree(tree)
            .expect("a tree")
            .into_iter()
            .map(|problem| problem.found)
            .collect();
        assert_eq!(
            found,
            [
                "pts-domain -> pts-testkit -> testcontainers",
                "pts-services -> tokio -> mio"
            ]
        );
    }

    #[test]
    fn a_lean_tree_is_fine() {
        let tree = "0pts-domain v0.1.0\n1serde_derive v1.0.229 (proc-macro)\n2quote v1.0.47 (*)\n";
        assert_eq!(check_tree(tree).expect("a tree"), []);
    }

    #[test]
    fn an_empty_or_strange_tree_proves_nothing() {
        assert!(check_tree("").is_err());
        assert!(check_tree("pts-domain v0.1.0\n").is_err());
        assert!(check_tree("0pts-domain v0.1.0\n2serde v1.0.0\n").is_err());
    }

    #[test]
    fn a_driver_behind_a_feature_counts_only_where_the_core_turns_it_on() {
        let found = |core_feature: &str| {
            let house = on_disk(&[
                (
                    "pts-domain",
                    &format!(
                        "[dev-dependencies]\npts-testkit = {{ path = \"../pts-testkit\"{core_feature} }}\n"
                    ),
                ),
                (
                    "pts-services",
                    "[dependencies]\npts-domain = { path = \"../pts-domain\" }\n",
                ),
                (
                    "pts-testkit",
                    "[dependencies]\ndiesel = { path = \"../diesel\", optional = true }\n",
                ),
                ("diesel", ""),
                // The whole workspace has the feature on: the core's own tests do not see that.
                (
                    "pts-server",
                    "[dependencies]\npts-testkit = { path = \"../pts-testkit\", features = [\"diesel\"] }\n",
                ),
            ]);
            let problems = check(house.path()).expect("a tree");
            problems
                .into_iter()
                .map(|problem| problem.found)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(""), [""; 0]);
        assert_eq!(
            found(", features = [\"diesel\"]"),
            ["pts-domain -> pts-testkit -> diesel"]
        );
    }
}
