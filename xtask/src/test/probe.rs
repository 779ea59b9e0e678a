//! Looks at the machine for databases. A daemon that hangs costs seconds, not the run.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::plan::{Engine, Facts, Image, LocalPostgres, Mode};
use crate::command;

/// For a daemon on this machine.
const DAEMON: Duration = Duration::from_secs(10);
/// For a registry, which may not be there at all.
const REGISTRY: Duration = Duration::from_secs(15);

/// Where Debian and its like put each major version.
const PACKAGED: &str = "/usr/lib/postgresql";

/// The official images, and those that `cargo xtask images` builds where no registry answers.
const PATTERNS: [&str; 2] = ["postgres:{major}", "pts-postgres:{major}"];

/// What there is, and the pattern of the images. The engine is left alone where containers are
/// not wanted.
pub(crate) fn look(mode: Mode, named: Option<String>, majors: &[u16]) -> (Facts, String) {
    let version = (mode != Mode::Local)
        .then(|| docker(&["version", "--format", "{{.Server.Version}}"], DAEMON));
    let here = |image: &str| matches!(version, Some(Ok(_))) && is_here(image);
    let pattern = named.unwrap_or_else(|| choose(&PATTERNS, majors, here).to_owned());
    let engine = match version {
        None => Engine::NotAsked,
        Some(Err(error)) => Engine::Silent(last_line(&error)),
        Some(Ok(version)) => Engine::Answers {
            version: format!("docker {}", version.trim()),
            images: images(&pattern, majors),
        },
    };
    let local = local(Path::new(PACKAGED), env::var_os("PATH").as_deref());
    (Facts { engine, local }, pattern)
}

/// The first pattern whose images are all here, or else the first: its registry may have them.
fn choose<'a>(patterns: &[&'a str], majors: &[u16], here: impl Fn(&str) -> bool) -> &'a str {
    let all_here = |pattern: &&&str| majors.iter().all(|&major| here(&image(pattern, major)));
    patterns.iter().find(all_here).unwrap_or(&patterns[0])
}

/// The image of a major version.
pub(crate) fn image(pattern: &str, major: u16) -> String {
    pattern.replace("{major}", &major.to_string())
}

fn images(pattern: &str, majors: &[u16]) -> Vec<(String, Image)> {
    let mut names: Vec<String> = majors.iter().map(|&major| image(pattern, major)).collect();
    names.dedup();
    let look = |name: String| {
        let found = if is_here(&name) {
            Image::Present
        } else if docker(&["manifest", "inspect", &name], REGISTRY).is_ok() {
            Image::Pullable
        } else {
            Image::Absent
        };
        (name, found)
    };
    names.into_iter().map(look).collect()
}

fn is_here(image: &str) -> bool {
    docker(&["image", "inspect", "--format", "{{.Id}}", image], DAEMON).is_ok()
}

fn docker(arguments: &[&str], deadline: Duration) -> anyhow::Result<String> {
    command::read_within(Command::new("docker").args(arguments), deadline)
}

/// The end of an error is what the daemon or the system said.
fn last_line(error: &anyhow::Error) -> String {
    format!("{error:#}")
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

/// Packaged versions, newest first, then what the search path has.
fn local(packaged: &Path, search: Option<&OsStr>) -> Vec<LocalPostgres> {
    let mut found: Vec<LocalPostgres> = fs::read_dir(packaged)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let directory = entry.path().join("bin");
            let version = entry.file_name().into_string().ok()?;
            is_postgres(&directory).then_some(LocalPostgres { version, directory })
        })
        .collect();
    let number = |found: &LocalPostgres| found.version.parse::<u32>().unwrap_or(0);
    found.sort_by_key(|one| std::cmp::Reverse(number(one)));

    let on_path: Vec<PathBuf> = search
        .iter()
        .flat_map(env::split_paths)
        .filter(|dir| is_postgres(dir))
        .collect();
    for directory in on_path {
        if found.iter().all(|known| known.directory != directory) {
            found.push(LocalPostgres {
                version: "on the PATH".into(),
                directory,
            });
        }
    }
    found
}

fn is_postgres(directory: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(directory: &Path, programs: &[&str]) {
        fs::create_dir_all(directory).expect("a directory");
        for program in programs {
            fs::write(directory.join(program), "").expect("a program");
        }
    }

    #[test]
    fn the_newest_packaged_version_comes_first_and_the_path_last() {
        let machine = tempfile::tempdir().expect("a directory");
        let packaged = machine.path().join("packaged");
        for version in ["9", "15", "17"] {
            install(&packaged.join(version).join("bin"), &["initdb", "postgres"]);
        }
        install(&packaged.join("16/bin"), &["psql"]);
        let own = machine.path().join("own");
        install(&own, &["initdb", "postgres"]);
        let search = env::join_paths([
            machine.path().to_path_buf(),
            own.clone(),
            packaged.join("15/bin"),
        ]);

        let found = local(&packaged, Some(&search.expect("a path")));
        let versions: Vec<&str> = found.iter().map(|one| one.version.as_str()).collect();
        assert_eq!(versions, ["17", "15", "9", "on the PATH"]);
        assert_eq!(found[3].directory, own);
    }

    #[test]
    fn a_machine_without_postgres_has_none() {
        let machine = tempfile::tempdir().expect("a directory");
        assert!(local(&machine.path().join("none"), None).is_empty());
    }

    #[test]
    fn images_that_were_built_here_are_used_where_no_others_are() {
        let patterns = ["a:{major}", "b:{major}"];
        for (here, expected) in [
            (&["a:15", "a:17", "b:15", "b:17"][..], "a:{major}"),
            (&["a:15", "b:15", "b:17"], "b:{major}"),
            (&["a:15", "b:17"], "a:{major}"),
            (&[], "a:{major}"),
        ] {
            assert_eq!(
                choose(&patterns, &[15, 17], |image| here.contains(&image)),
                expected
            );
        }
    }

    #[test]
    fn the_image_of_a_major_version_follows_the_pattern() {
        assert_eq!(
            image("registry.example/pg:{major}-slim", 17),
            "registry.example/pg:17-slim"
        );
    }
}
