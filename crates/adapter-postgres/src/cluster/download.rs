//! Fetching PostgreSQL from the distribution's archive where it is not installed.
//!
//! Only on Debian-likes: apt checks the packages, `dpkg-deb -x` unpacks them into the cache, and
//! PostgreSQL finds its files relative to its programs. Nothing of the system is changed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::account::on_path;

const PATIENCE: Duration = Duration::from_mins(2);

/// Fetches a major version (None: the distribution's own) into the cache and returns the
/// directory of its programs. The error says in words why that was not possible.
pub(super) async fn fetch(cache: &Path, wanted: Option<u32>) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in ["apt-get", "apt-cache", "dpkg-deb", "dpkg-query"] {
        if on_path(&path, tool).next().is_none() {
            return Err(format!("it cannot be fetched either, there is no {tool}"));
        }
    }
    tokio::time::timeout(PATIENCE, unpack(cache, wanted))
        .await
        .unwrap_or_else(|_| Err("it took longer than 120 s".to_owned()))
        .map_err(|reason| format!("fetching it from the distribution did not work: {reason}"))
}

/// The directory of the programs in an unpacked tree.
pub(super) fn programs_in(tree: &Path) -> Option<PathBuf> {
    fs::read_dir(tree.join("usr/lib/postgresql"))
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .find(|bin| bin.join("postgres").is_file())
}

async fn unpack(cache: &Path, wanted: Option<u32>) -> Result<PathBuf, String> {
    let major = match wanted {
        Some(major) => major,
        None => newest_in(&run("apt-cache", ["depends", "postgresql"], cache).await?)
            .ok_or("the archive has no postgresql; `apt-get update` may help")?,
    };
    let scratch = cache.join(format!("fetching-{}", std::process::id()));
    let text = |error: std::io::Error| format!("{}: {error}", scratch.display());
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).map_err(text)?;
    let done = unpack_in(&scratch, major).await;
    let done = done.and_then(|()| {
        let tree = cache.join(format!("postgresql-{major}"));
        let _ = fs::remove_dir_all(&tree);
        fs::rename(scratch.join("tree"), &tree).map_err(text)?;
        programs_in(&tree).ok_or_else(|| "the packages have no programs".to_owned())
    });
    let _ = fs::remove_dir_all(&scratch);
    done
}

async fn unpack_in(scratch: &Path, major: u32) -> Result<(), String> {
    let server = format!("postgresql-{major}");
    let mut packages = missing_libraries(&server, scratch).await?;
    packages.extend([
        server,
        format!("postgresql-client-{major}"),
        "libpq5".to_owned(),
    ]);
    tracing::info!(
        ?packages,
        "no PostgreSQL here: fetching it from the distribution"
    );
    let arguments = ["download".to_owned()].into_iter().chain(packages);
    run("apt-get", arguments, scratch).await?;
    let tree = scratch.join("tree");
    let archives: Vec<_> = fs::read_dir(scratch)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("deb")))
        .collect();
    for archive in archives {
        run(
            "dpkg-deb",
            [OsStr::new("-x"), archive.as_os_str(), tree.as_os_str()],
            scratch,
        )
        .await?;
    }
    Ok(())
}

/// The libraries the server needs, with their own, that are not installed.
async fn missing_libraries(server: &str, cwd: &Path) -> Result<BTreeSet<String>, String> {
    let direct = dependencies(&run("apt-cache", ["depends", server], cwd).await?);
    if direct.is_empty() {
        return Err(format!(
            "the archive has no {server}; `apt-get update` may help"
        ));
    }
    let only_depends = [
        "recommends",
        "suggests",
        "conflicts",
        "breaks",
        "replaces",
        "enhances",
    ]
    .map(|kind| format!("--no-{kind}"));
    let arguments = ["depends".to_owned(), "--recurse".to_owned()]
        .into_iter()
        .chain(only_depends)
        .chain(direct);
    let all = libraries(&run("apt-cache", arguments, cwd).await?);
    // It complains about names it does not know, which is the answer we are after.
    let query = ["-W", "-f", "${Package} ${db:Status-Status}\n"].map(str::to_owned);
    let installed = output(
        "dpkg-query",
        query.into_iter().chain(all.iter().cloned()),
        cwd,
    )
    .await?;
    let installed: BTreeSet<_> = String::from_utf8_lossy(&installed.stdout)
        .lines()
        .filter_map(|line| line.strip_suffix(" installed").map(str::to_owned))
        .collect();
    Ok(all.difference(&installed).cloned().collect())
}

async fn run<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    cwd: &Path,
) -> Result<String, String> {
    let output = output(program, arguments, cwd).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{program}: {}",
        said.lines().last().unwrap_or("no reason given")
    ))
}

async fn output<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    cwd: &Path,
) -> Result<std::process::Output, String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if cwd.is_dir() {
        command.current_dir(cwd);
    }
    command
        .output()
        .await
        .map_err(|error| format!("{program}: {error}"))
}

fn newest_in(depends: &str) -> Option<u32> {
    depends
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("Depends: postgresql-")?
                .parse()
                .ok()
        })
        .max()
}

/// The libraries among the direct dependencies, without the compiler that `jit = off` leaves out.
fn dependencies(depends: &str) -> BTreeSet<String> {
    depends
        .lines()
        .filter_map(|line| {
            line.trim()
                .trim_start_matches('|')
                .strip_prefix("Depends: ")
        })
        .filter(|name| is_library(name))
        .map(str::to_owned)
        .collect()
}

/// The packages of a recursive listing: the lines that are not indented.
fn libraries(recursive: &str) -> BTreeSet<String> {
    recursive
        .lines()
        .filter(|line| !line.starts_with([' ', '|', '<']) && is_library(line))
        .map(|name| name.split(':').next().unwrap_or(name).to_owned())
        .collect()
}

fn is_library(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("zlib"))
        && !name.starts_with("libllvm")
        // The C library must be the one that runs everything else.
        && !name.starts_with("libc6")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "postgresql-15\n |Depends: locales\n  Depends: postgresql-client-15\n  \
                          Depends: libc6\n  Depends: libicu72\n  Depends: libllvm14\n  \
                          Depends: libsystemd0\n    libelogind0\n  Depends: zlib1g\n";

    #[test]
    fn the_distributions_version_is_what_its_metapackage_depends_on() {
        assert_eq!(
            newest_in("postgresql\n  Depends: postgresql-15\n  Suggests: x\n"),
            Some(15)
        );
        assert_eq!(newest_in("postgresql\n"), None);
    }

    #[test]
    fn only_libraries_are_fetched_beside_the_server() {
        let direct: Vec<_> = dependencies(SERVER).into_iter().collect();
        assert_eq!(direct, ["libicu72", "libsystemd0", "zlib1g"]);
    }

    #[test]
    fn a_recursive_listing_yields_its_packages() {
        let all = libraries("libicu72\n  Depends: libc6\n<libx>\nlibc6\nlibxml2:amd64\ngcc-12\n");
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["libicu72", "libxml2"]);
    }
}
