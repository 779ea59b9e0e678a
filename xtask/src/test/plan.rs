//! Which databases a test run will use, worked out from what the machine has. Only words: the
//! tests decide for themselves by the same rules, and their report says what they did.

use std::{fmt, path::PathBuf};

use anyhow::{Result, bail};

/// Where the tests may look for databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Containers where an engine answers and has the image, local binaries otherwise.
    Auto,
    /// Containers or failure.
    Containers,
    /// Local binaries or failure.
    Local,
}

impl Mode {
    /// From whether containers are required and what the environment says.
    pub(crate) fn choose(required: bool, named: Option<&str>) -> Result<Self> {
        Ok(match named {
            _ if required => Self::Containers,
            None | Some("" | "auto") => Self::Auto,
            Some("containers") => Self::Containers,
            Some("local") => Self::Local,
            Some(other) => {
                bail!(
                    "{}=`{other}`: expected auto, containers or local",
                    super::DATABASE
                )
            }
        })
    }

    /// As the tests read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Containers => "containers",
            Self::Local => "local",
        }
    }
}

/// What the machine has.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) engine: Engine,
    pub(crate) local: Vec<LocalPostgres>,
}

/// The container engine.
#[derive(Debug)]
pub(crate) enum Engine {
    /// Nobody asked: containers are not wanted.
    NotAsked,
    /// No answer, and why.
    Silent(String),
    /// An answer, and the image for each major version.
    Answers {
        version: String,
        images: Vec<(String, Image)>,
    },
}

/// Whether a container can be started from an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    Present,
    /// Not here; its registry has it.
    Pullable,
    Absent,
}

/// A directory with `initdb` and `postgres`.
#[derive(Debug)]
pub(crate) struct LocalPostgres {
    /// As the directory or the program says it.
    pub(crate) version: String,
    pub(crate) directory: PathBuf,
}

/// What a run will use.
#[derive(Debug)]
pub(crate) struct Plan {
    lines: Vec<String>,
    hopeless: Option<String>,
}

const BUILD_IMAGES: &str = "`cargo xtask images` builds it here";

impl Plan {
    pub(crate) fn new(mode: Mode, facts: &Facts) -> Self {
        let mut lines = vec![format!(
            "databases for this run (looking for: {})",
            mode.name()
        )];
        lines.extend(engine_lines(&facts.engine));
        lines.extend(local_lines(&facts.local));
        lines.push(format!("  so the suites run on: {}", choice(mode, facts)));
        let hopeless = (mode == Mode::Containers)
            .then(|| no_containers(&facts.engine))
            .flatten();
        Self { lines, hopeless }
    }

    /// Why a run that needs containers would fail after all its minutes.
    pub(crate) fn hopeless(&self) -> Option<&str> {
        self.hopeless.as_deref()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(out, "{line}"))
    }
}

fn engine_lines(engine: &Engine) -> Vec<String> {
    match engine {
        Engine::NotAsked => vec!["  container engine: not asked".into()],
        Engine::Silent(reason) => vec![format!("  container engine: no answer ({reason})")],
        Engine::Answers { version, images } => {
            let mut lines = vec![format!("  container engine: {version} answers")];
            lines.extend(images.iter().map(|(name, image)| match image {
                Image::Present => format!("    {name}: present"),
                Image::Pullable => format!("    {name}: not here, will be pulled"),
                Image::Absent => {
                    format!("    {name}: not here, and no registry gives it; {BUILD_IMAGES}")
                }
            }));
            lines
        }
    }
}

fn local_lines(local: &[LocalPostgres]) -> Vec<String> {
    if local.is_empty() {
        return vec!["  local PostgreSQL: none found".into()];
    }
    local
        .iter()
        .map(|found| {
            format!(
                "  local PostgreSQL: {} in {}",
                found.version,
                found.directory.display()
            )
        })
        .collect()
}

fn choice(mode: Mode, facts: &Facts) -> String {
    let containers = usable(&facts.engine);
    match (mode, containers.as_slice(), facts.local.is_empty()) {
        (Mode::Auto | Mode::Containers, [_, ..], _) => {
            format!("containers of {}", containers.join(" and "))
        }
        (Mode::Auto | Mode::Local, _, false) => "local PostgreSQL".into(),
        _ => "nothing: the tests that need PostgreSQL will fail. Install Debian's `postgresql` \
              package, or start a container engine"
            .into(),
    }
}

fn usable(engine: &Engine) -> Vec<&str> {
    match engine {
        Engine::Answers { images, .. } => images
            .iter()
            .filter(|(_, image)| *image != Image::Absent)
            .map(|(name, _)| name.as_str())
            .collect(),
        Engine::NotAsked | Engine::Silent(_) => Vec::new(),
    }
}

/// Why not all the containers can be had.
fn no_containers(engine: &Engine) -> Option<String> {
    match engine {
        Engine::NotAsked => Some("no container engine was asked".into()),
        Engine::Silent(reason) => Some(format!("no container engine answers ({reason})")),
        Engine::Answers { images, .. } => images
            .iter()
            .find(|(_, image)| *image == Image::Absent)
            .map(|(name, _)| format!("there is no {name}; {BUILD_IMAGES}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(fifteen: Image, seventeen: Image) -> Engine {
        let images = vec![
            ("pg:15".to_owned(), fifteen),
            ("pg:17".to_owned(), seventeen),
        ];
        Engine::Answers {
            version: "20.10".into(),
            images,
        }
    }

    fn plan(mode: Mode, engine: Engine, local: bool) -> Plan {
        let debian = LocalPostgres {
            version: "15".into(),
            directory: "/pg/15/bin".into(),
        };
        Plan::new(
            mode,
            &Facts {
                engine,
                local: local.then_some(debian).into_iter().collect(),
            },
        )
    }

    #[test]
    fn a_run_says_what_it_will_use() {
        let silent = || Engine::Silent("no socket".into());
        for (mode, engine, local, says) in [
            (
                Mode::Auto,
                answers(Image::Present, Image::Pullable),
                true,
                "of pg:15 and pg:17",
            ),
            (
                Mode::Auto,
                answers(Image::Present, Image::Absent),
                true,
                "containers of pg:15\n",
            ),
            (
                Mode::Auto,
                answers(Image::Absent, Image::Absent),
                true,
                "on: local PostgreSQL",
            ),
            (Mode::Auto, silent(), true, "on: local PostgreSQL"),
            (Mode::Auto, silent(), false, "on: nothing"),
            (Mode::Local, Engine::NotAsked, true, "on: local PostgreSQL"),
            (Mode::Containers, silent(), true, "on: nothing"),
        ] {
            let said = plan(mode, engine, local).to_string();
            assert!(said.contains(says), "{says}: {said}");
        }
    }

    #[test]
    fn an_absent_image_says_how_to_get_it() {
        let said = plan(Mode::Auto, answers(Image::Present, Image::Absent), true).to_string();
        assert!(
            said.contains("pg:17: not here") && said.contains("cargo xtask images"),
            "{said}"
        );
    }

    #[test]
    fn a_run_that_must_fail_fails_before_it_starts() {
        let absent = plan(
            Mode::Containers,
            answers(Image::Present, Image::Absent),
            true,
        );
        assert!(
            absent
                .hopeless()
                .is_some_and(|reason| reason.contains("pg:17"))
        );
        let silent = plan(Mode::Containers, Engine::Silent("no socket".into()), true);
        assert!(
            silent
                .hopeless()
                .is_some_and(|reason| reason.contains("no socket"))
        );
        let ready = plan(
            Mode::Containers,
            answers(Image::Present, Image::Pullable),
            false,
        );
        assert_eq!(ready.hopeless(), None);
        assert_eq!(plan(Mode::Auto, Engine::NotAsked, false).hopeless(), None);
    }

    #[test]
    fn the_environment_chooses_unless_containers_are_required() {
        for (required, named, expected) in [
            (false, None, Mode::Auto),
            (false, Some("local"), Mode::Local),
            (false, Some("containers"), Mode::Containers),
            (true, Some("local"), Mode::Containers),
            (true, None, Mode::Containers),
        ] {
            assert_eq!(Mode::choose(required, named).expect("a mode"), expected);
        }
        assert!(Mode::choose(false, Some("podman")).is_err());
    }
}
