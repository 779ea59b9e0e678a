//! The images containers start from: the official ones where a registry answers, else stand-ins
//! built from Debian packages, so that the container suites run on a machine with a package
//! mirror and nothing more.
//!
//! Standard output carries one line alone, the one to `eval`; what happens is told on standard
//! error.

mod engine;
mod mirror;
mod root;

use std::{fs, path::Path, thread, time::Duration};

use anyhow::{Context, Result, anyhow};

use crate::repo;
use root::Release;

/// Each supported end of the range of PostgreSQL versions, and the Debian release that ships it.
const RELEASES: [Release; 2] = [
    Release {
        suite: "bookworm",
        postgres: 15,
    },
    Release {
        suite: "trixie",
        postgres: 17,
    },
];

/// The release whose C library the server's own local base image takes.
const SERVER_BASE: Release = RELEASES[0];

/// Pull the official images, or build local ones from Debian packages.
#[derive(Debug, clap::Args)]
pub(crate) struct Images {
    /// Build local images without asking a registry
    #[arg(long)]
    local: bool,
    /// Build the local images anew, with the packages the mirror has now
    #[arg(long)]
    fresh: bool,
    /// Seconds to wait for one official image before building a local one
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pull_timeout: u64,
}

/// Makes the images the container suites need and prints how tests choose them.
pub(crate) fn run(args: &Images) -> Result<()> {
    engine::answers()?;
    let pattern = if args.local || args.fresh {
        build(args.fresh)?
    } else {
        match pull(Duration::from_secs(args.pull_timeout)) {
            Ok(pattern) => pattern,
            Err(error) => {
                eprintln!("{error:#}");
                eprintln!("the official images cannot be pulled here: building local ones");
                build(false)?
            }
        }
    };
    println!("export PTS_POSTGRES_IMAGE='{pattern}'");
    Ok(())
}

/// Takes the official images from the engine or from its registry.
fn pull(deadline: Duration) -> Result<&'static str> {
    for Release { postgres, .. } in RELEASES {
        let image = format!("postgres:{postgres}");
        if engine::has(&image)? {
            eprintln!("{image}: here");
        } else {
            eprintln!("{image}: pulling");
            engine::pull(&image, deadline)?;
        }
    }
    Ok("postgres:{major}")
}

/// Builds what is missing of the local images. Interrupted, it continues where it stopped:
/// a root is imported whole or not at all, and packages stay downloaded.
fn build(fresh: bool) -> Result<&'static str> {
    let work = work_directory()?;
    let _turn = take_turn(&work)?;
    let recipes = repo::root().join("deploy/images");

    // One debootstrap leaves a core idle while it downloads; the two together hardly take longer.
    thread::scope(|scope| {
        let roots = RELEASES.map(|release| {
            let work = &work;
            scope.spawn(move || release.ensure_root(work, fresh))
        });
        roots.into_iter().try_for_each(|root| {
            root.join()
                .map_err(|_| anyhow!("a root's thread panicked"))
                .and_then(|done| done)
        })
    })?;
    for release in &RELEASES {
        let image = format!("pts-postgres:{}", release.postgres);
        let arguments = [
            format!("ROOT={}", release.root_image()),
            format!("PG_MAJOR={}", release.postgres),
        ];
        engine::build(&image, &recipes, "postgres.Dockerfile", &arguments, &work)?;
    }
    let arguments = [format!("ROOT={}", SERVER_BASE.root_image())];
    engine::build(
        "pts-debian-base",
        &recipes,
        "base.Dockerfile",
        &arguments,
        &work,
    )?;
    Ok("pts-postgres:{major}")
}

/// Where roots are made and logs kept; as ignorable as anything else below `target`.
fn work_directory() -> Result<std::path::PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| repo::root().join("target"), std::path::PathBuf::from);
    let work = target.join("images");
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    Ok(fs::canonicalize(work)?)
}

/// Two runs at once would write into the same root: the second waits for the first.
fn take_turn(work: &Path) -> Result<fs::File> {
    let path = work.join("lock");
    let lock =
        fs::File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    if lock.try_lock().is_err() {
        eprintln!("another run is building images: waiting for it");
        lock.lock()?;
    }
    Ok(lock)
}
