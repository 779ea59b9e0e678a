//! Where `initdb` and `postgres` are, and of which major version.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account::on_path;
use super::download;
use super::error::ClusterError;

/// The oldest major version PTS is tested with.
pub(super) const OLDEST: u32 = 15;

/// Where the distributions put the programs; `*` stands for the version.
const PLACES: &[&str] = &[
    "/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                   // PostgreSQL's own RPMs
    "/usr/libexec/postgresql*",           // Alpine
    "/usr/lib/postgresql*/bin",           // openSUSE, Gentoo
    "/opt/homebrew/opt/postgresql@*/bin", // macOS
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin", // built from source
];

/// A directory with both programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) major: u32,
    /// Libraries that were unpacked beside the programs.
    libraries: Option<OsString>,
}

impl Binaries {
    /// Gives a command a clean environment: none of our `PG*` and locale variables may change
    /// what the programs do or in which language they say it.
    pub(super) fn environment(&self, command: &mut Command) {
        environment(command, self.libraries.as_ref());
    }

    /// Asks the programs of a directory what they are. The error says what is wrong with them.
    fn ask(dir: &Path, libraries: Option<OsString>) -> Result<Self, String> {
        let mut major = None;
        for program in ["initdb", "postgres"] {
            let program = dir.join(program);
            if !program.is_file() {
                return Err(format!("{} is missing", program.display()));
            }
            let mut command = Command::new(&program);
            environment(&mut command, libraries.as_ref());
            let output = command
                .arg("--version")
                .stdin(Stdio::null())
                .output()
                .map_err(|error| format!("{} does not run: {error}", program.display()))?;
            let said = String::from_utf8_lossy(&output.stdout);
            major = Some(major_of(&said).ok_or_else(|| {
                let complaint = String::from_utf8_lossy(&output.stderr);
                format!(
                    "{} does not run: {}{}",
                    program.display(),
                    said.trim(),
                    complaint.trim()
                )
            })?);
        }
        let major = major.ok_or_else(|| "no version".to_owned())?;
        Ok(Self {
            dir: dir.to_owned(),
            major,
            libraries,
        })
    }
}

/// Where to look, in order. Apart from the process's own state so that tests can look elsewhere.
pub(super) struct Search<'a> {
    pub(super) bin_dir: Option<&'a Path>,
    pub(super) path: OsString,
    pub(super) places: &'a [&'a str],
    /// Holds one directory for each version that was fetched, `postgresql-15`.
    pub(super) cache: &'a Path,
}

impl<'a> Search<'a> {
    /// The places of this machine.
    pub(super) fn here(bin_dir: Option<&'a Path>, cache: &'a Path) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            bin_dir,
            path,
            places: PLACES,
            cache,
        }
    }

    /// Finds programs for a cluster: of the version that made it, or the newest for a new one.
    pub(super) async fn find(
        &self,
        pgdata: &Path,
        wanted: Option<u32>,
    ) -> Result<Binaries, ClusterError> {
        let mut passed = Vec::new();
        if let Some(dir) = self.bin_dir {
            let found = Binaries::ask(dir, None).map_err(|reason| ClusterError::BinDir {
                dir: dir.to_owned(),
                reason,
            })?;
            if fits(&found, wanted) {
                return Ok(found);
            }
            if wanted.is_none() {
                let reason = format!(
                    "it is PostgreSQL {}, PTS needs {OLDEST} or newer",
                    found.major
                );
                return Err(ClusterError::BinDir {
                    dir: dir.to_owned(),
                    reason,
                });
            }
            return Err(refusal(pgdata, wanted, &[found], ""));
        }
        for candidate in self.candidates() {
            match Binaries::ask(&candidate, libraries_beside(&candidate, self.cache)) {
                Ok(found) if fits(&found, wanted) => return Ok(found),
                Ok(found) => passed.push(found),
                Err(reason) => tracing::debug!(reason, "passed over"),
            }
        }
        let refused = match download::fetch(self.cache, wanted).await {
            Ok(dir) => match Binaries::ask(&dir, libraries_beside(&dir, self.cache)) {
                Ok(found) if fits(&found, wanted) => return Ok(found),
                Ok(found) => format!("the fetched one is {}", found.major),
                Err(reason) => reason,
            },
            Err(reason) => reason,
        };
        Err(refusal(pgdata, wanted, &passed, &refused))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let on_path = on_path(&self.path, "initdb").filter_map(|file| Some(file.parent()?.into()));
        let places = self.places.iter().flat_map(|pattern| newest_first(pattern));
        let cached = newest_first(&format!("{}/postgresql-*", self.cache.display()))
            .into_iter()
            .filter_map(|tree| download::programs_in(&tree));
        on_path.chain(places).chain(cached).collect()
    }
}

fn fits(found: &Binaries, wanted: Option<u32>) -> bool {
    wanted.map_or(found.major >= OLDEST, |wanted| found.major == wanted)
}

fn refusal(
    pgdata: &Path,
    wanted: Option<u32>,
    passed: &[Binaries],
    fetching: &str,
) -> ClusterError {
    let found: Vec<_> = passed
        .iter()
        .map(|one| format!("{} in {}", one.major, one.dir.display()))
        .collect();
    let install = install_command(
        &fs::read_to_string("/etc/os-release").unwrap_or_default(),
        wanted,
    );
    match wanted {
        Some(wanted) if !passed.is_empty() => ClusterError::WrongMajor {
            pgdata: pgdata.to_owned(),
            wanted,
            found: found.join(", "),
            install,
        },
        _ => {
            let mut searched = "looked in PATH, the usual places and the cache".to_owned();
            if !found.is_empty() {
                searched = format!("{searched}; found {}", found.join(", "));
            }
            ClusterError::NoBinaries {
                wanted,
                searched: format!("{searched}; {fetching}"),
                install,
            }
        }
    }
}

fn environment(command: &mut Command, libraries: Option<&OsString>) {
    command.env_clear().env("LC_ALL", "C").env("TZ", "GMT");
    command.env(
        "PATH",
        std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
    );
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
}

/// Library directories of a tree that was unpacked into the cache.
fn libraries_beside(dir: &Path, cache: &Path) -> Option<OsString> {
    let tree = cache.join(dir.strip_prefix(cache).ok()?.components().next()?);
    let found: Vec<_> = ["usr/lib", "lib"]
        .into_iter()
        .flat_map(|lib| fs::read_dir(tree.join(lib)).into_iter().flatten().flatten())
        .filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"))
        .map(|entry| entry.path())
        .collect();
    std::env::join_paths(found)
        .ok()
        .filter(|joined| !joined.is_empty())
}

/// The directories a pattern with at most one `*` stands for, highest version first.
fn newest_first(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version: u32 = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            let dir = entry.path().join(after.trim_start_matches('/'));
            Some((version, dir))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// `postgres (PostgreSQL) 15.14 (Debian …)`: 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits = number
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

/// The one command that installs PostgreSQL here, by what the system says it is.
fn install_command(os_release: &str, wanted: Option<u32>) -> String {
    let ids: Vec<_> = os_release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|ids| ids.trim_matches('"').split_whitespace())
        .collect();
    let is = |names: &[&str]| ids.iter().any(|id| names.contains(id));
    let version = |joint: &str| wanted.map_or_else(String::new, |major| format!("{joint}{major}"));
    if is(&["alpine"]) {
        format!("apk add postgresql{}", version(""))
    } else if is(&["fedora", "rhel", "centos"]) {
        format!("dnf install postgresql{}-server", version(""))
    } else if is(&["suse", "opensuse"]) {
        format!("zypper install postgresql{}-server", version(""))
    } else if is(&["arch"]) {
        "pacman -S postgresql".to_owned()
    } else if cfg!(target_os = "macos") {
        format!("brew install postgresql{}", version("@"))
    } else {
        format!("apt-get install postgresql{}", version("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_programs_say() {
        for (said, major) in [
            (
                "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n",
                Some(15),
            ),
            ("initdb (PostgreSQL) 18.4\n", Some(18)),
            ("postgres (PostgreSQL) 19beta1", Some(19)),
            ("postgres (PostgreSQL) devel", None),
            ("", None),
        ] {
            assert_eq!(major_of(said), major, "{said:?}");
        }
    }

    #[test]
    fn the_newest_version_comes_first_by_number() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "16", "100", "common"] {
            fs::create_dir_all(root.path().join(name).join("bin")).unwrap();
        }
        let found = newest_first(&format!("{}/*/bin", root.path().display()));
        let expected: Vec<_> = ["100", "16", "15", "9"]
            .map(|name| root.path().join(name).join("bin"))
            .into();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_install_command_is_the_systems_own() {
        for (os_release, wanted, command) in [
            ("ID=debian\n", None, "apt-get install postgresql"),
            (
                "ID=ubuntu\nID_LIKE=debian\n",
                Some(16),
                "apt-get install postgresql-16",
            ),
            ("ID=alpine\n", Some(17), "apk add postgresql17"),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                None,
                "dnf install postgresql-server",
            ),
        ] {
            assert_eq!(install_command(os_release, wanted), command);
        }
    }

    #[tokio::test]
    async fn a_named_directory_without_programs_says_what_is_missing() {
        let empty = tempfile::tempdir().unwrap();
        let search = Search {
            bin_dir: Some(empty.path()),
            path: OsString::new(),
            places: &[],
            cache: empty.path(),
        };
        let refused = search.find(empty.path(), None).await.unwrap_err();
        assert!(
            refused.to_string().contains("initdb is missing"),
            "{refused}"
        );
    }
    #[tokio::test]
    #[ignore = "fetches 20 MB; needs apt and an archive that answers"]
    async fn programs_are_fetched_where_there_are_none_and_found_again() {
        let cache = tempfile::tempdir().unwrap();
        let mut search = Search {
            bin_dir: None,
            path: OsString::new(),
            places: &[],
            cache: cache.path(),
        };
        let fetched = search.find(Path::new("/d"), None).await.unwrap();
        assert!(fetched.major >= OLDEST);
        assert!(
            fetched
                .dir
                .starts_with(cache.path().join(format!("postgresql-{}", fetched.major)))
        );
        assert!(fetched.libraries.is_some());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);

        let began = std::time::Instant::now();
        search.path = OsString::from("/nonexistent");
        let again = search
            .find(Path::new("/d"), Some(fetched.major))
            .await
            .unwrap();
        assert_eq!(again, fetched);
        println!("found again in {:?}", began.elapsed());
    }
}
