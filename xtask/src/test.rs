//! `cargo xtask test`: every test, with what they will run on said before and what they did run on
//! said after. A suite that skipped its database in silence would look like one that passed.

mod plan;
mod probe;
mod report;

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::{cargo, command, repo};
use plan::{Mode, Plan};
use report::Report;

/// The major versions the port contract suites run on in containers.
pub(crate) const MAJORS: [u16; 2] = [15, 17];

/// Says where the tests may look for databases: `auto`, `containers` or `local`.
const DATABASE: &str = "PTS_TEST_DATABASE";
/// The name of the image for a major version, with `{major}` in its place.
const IMAGE: &str = "PTS_POSTGRES_IMAGE";
/// The file to which a test that uses a database appends `kind database suite`.
const REPORT: &str = "PTS_TEST_REPORT";
/// `1`: a run whose suites did not run in containers has failed.
const REQUIRE: &str = "PTS_REQUIRE_CONTAINERS";

/// Run every test, and say which databases they really ran on.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Test {
    /// Use local PostgreSQL binaries only
    #[arg(long, conflicts_with = "require_containers")]
    no_containers: bool,

    /// Fail unless the contract suites ran on containers of every major version
    /// (as does `PTS_REQUIRE_CONTAINERS=1`)
    #[arg(long)]
    require_containers: bool,

    /// Run only the tests with this in their name
    filters: Vec<String>,
}

/// Plans, runs, reports.
pub(crate) fn run(task: &Test) -> Result<()> {
    let mode = task.mode()?;
    let named = env::var(IMAGE).ok().filter(|pattern| !pattern.is_empty());
    let (facts, pattern) = probe::look(mode, named, &MAJORS);
    let plan = Plan::new(mode, &facts);
    println!("{plan}");
    if let Some(reason) = plan.hopeless() {
        bail!("containers are required: {reason}");
    }

    let report_file = fresh_report()?;
    let mut tests = cargo::cargo();
    tests.args(["test", "--workspace"]);
    if !task.filters.is_empty() {
        tests.arg("--").args(&task.filters);
    }
    tests
        .env(DATABASE, mode.name())
        .env(REPORT, &report_file)
        .env(IMAGE, &pattern);
    let tested = command::show(&mut tests);

    let written = fs::read_to_string(&report_file).context("the tests' report is gone")?;
    let report = Report::parse(&written);
    println!("\n{report}");
    tested?;
    let missing = report.missing(&pattern, &MAJORS);
    if mode == Mode::Containers && !missing.is_empty() {
        bail!(
            "containers are required, and no suite ran in one of {}",
            missing.join(", ")
        );
    }
    Ok(())
}

impl Test {
    fn mode(&self) -> Result<Mode> {
        if self.no_containers {
            return Ok(Mode::Local);
        }
        let required = self.require_containers || env::var(REQUIRE).is_ok_and(|value| value == "1");
        Mode::choose(required, env::var(DATABASE).ok().as_deref())
    }
}

/// An empty report, in the target directory as everything that is built.
fn fresh_report() -> Result<PathBuf> {
    let directory = repo::target_directory()?;
    let file = directory.join("pts-test-report.txt");
    fs::create_dir_all(&directory)
        .and_then(|()| fs::write(&file, ""))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
