//! `cargo xtask tidy`: the promises of docs/architecture.md that the compiler does not keep. Each
//! check is a pure function over what was read, so that a test can show it a broken house.

mod arrows;
mod fences;
mod files;
mod layout;
mod links;
mod long_files;
mod manifests;
mod named_tests;
mod problem;
mod tree;
mod workspace;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

pub(crate) use problem::Problem;
use workspace::Workspace;
#[cfg(test)]
pub(crate) use workspace::fake::on_disk;

use crate::repo::{self, Repo};

/// The list of long files, from the repository's root.
const LONG_FILES: &str = "xtask/long-files.txt";

/// Check what the compiler cannot.
#[derive(Debug, clap::Args)]
pub(crate) struct Tidy {
    /// Lower xtask/long-files.txt to what the files now measure; it never grows this way
    #[arg(long)]
    update: bool,
}

/// Checks the checkout and fails where anything was found.
pub(crate) fn run(task: &Tidy) -> Result<()> {
    let root = repo::root();
    if task.update {
        update(&root)?;
    }
    check_checkout(&root)
}

/// Every check over the checkout at `root`.
pub(crate) fn check_checkout(root: &Path) -> Result<()> {
    let repo = Repo::open(root)?;
    let mut found = 0;
    for (name, check) in CHECKS {
        // A check that cannot look is a check that failed; the others still say what they see.
        let problems = check(&repo).unwrap_or_else(|error| vec![Problem::unchecked(name, &error)]);
        match problems.len() {
            0 => println!("ok      {name}"),
            count => println!("FAILED  {name}: {count}"),
        }
        for problem in &problems {
            println!("\n{problem}\n");
        }
        found += problems.len();
    }
    if found > 0 {
        bail!(
            "tidy found {found} problem{}",
            if found == 1 { "" } else { "s" }
        );
    }
    Ok(())
}

type Check = fn(&Repo) -> Result<Vec<Problem>>;

const CHECKS: [(&str, Check); 10] = [
    ("arrows between crates", |repo| {
        Ok(arrows::check(&Workspace::read(&repo.root)?))
    }),
    ("who names which library", |repo| {
        Ok(fences::check(&Workspace::read(&repo.root)?))
    }),
    ("what the core builds with", |repo| tree::check(&repo.root)),
    ("versions are the workspace's", |repo| {
        Ok(manifests::check(&repo.texts(manifests::is_member)?))
    }),
    ("every file says why it exists", |repo| {
        Ok(files::check_openings(&repo.texts(repo::is_rust)?))
    }),
    ("nothing left to do", |repo| {
        Ok(files::check_words(&repo.texts(|_| true)?))
    }),
    ("files read in one sitting", |repo| {
        let listed = long_files::parse(&read_long_files(&repo.root)?)?;
        Ok(long_files::check(
            &long_files::measure(&repo.texts(repo::is_rust)?),
            &listed,
        ))
    }),
    ("top level", |repo| Ok(layout::check(&repo.committed))),
    ("links between documents", |repo| {
        let pages = repo.texts(|path| repo::has_extension(path, "md"))?;
        Ok(links::check(&pages, &repo.present))
    }),
    ("tests that documents name", |repo| {
        let pages = repo.texts(|path| repo::has_extension(path, "md"))?;
        Ok(named_tests::check(&pages, &repo.texts(repo::is_rust)?))
    }),
];

fn read_long_files(root: &Path) -> Result<String> {
    fs::read_to_string(root.join(LONG_FILES)).with_context(|| format!("cannot read {LONG_FILES}"))
}

fn update(root: &Path) -> Result<()> {
    let listed = long_files::parse(&read_long_files(root)?)?;
    let measured = long_files::measure(&Repo::open(root)?.texts(repo::is_rust)?);
    let lowered = long_files::lowered(&measured, &listed);
    if lowered != listed {
        fs::write(root.join(LONG_FILES), long_files::render(&lowered))
            .with_context(|| format!("cannot write {LONG_FILES}"))?;
        println!(
            "{LONG_FILES}: lowered from {} to {} entries",
            listed.len(),
            lowered.len()
        );
    }
    Ok(())
}
