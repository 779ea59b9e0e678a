//! `cargo xtask ci`: what a change must pass, in the order that fails soonest. No step sets flags
//! of its own for the compiler, so that they share what is built.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{cargo, command, faults, fuzz, mcp, oidc, repo, table::Table, test, tidy};

/// Everything a change must pass: fmt, clippy, tidy, test, oidc, faults, mcp, fuzz, doc.
#[derive(Debug, clap::Args)]
pub(crate) struct Ci {
    #[command(flatten)]
    test: test::Test,
}

struct Step<'a> {
    name: &'static str,
    run: Box<dyn Fn() -> Result<()> + 'a>,
}

/// Runs the steps up to the first that fails.
pub(crate) fn run(task: &Ci) -> Result<()> {
    let cargo_step = |name, arguments: &'static [&str]| Step {
        name,
        run: Box::new(move || command::show(cargo::cargo().args(arguments))),
    };
    run_steps(&[
        cargo_step("fmt", &["fmt", "--all", "--check"]),
        Step {
            name: "tidy",
            run: Box::new(|| tidy::check_checkout(&repo::root())),
        },
        cargo_step(
            "clippy",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        Step {
            name: "test",
            run: Box::new(|| test::run(&task.test)),
        },
        Step {
            name: "oidc",
            run: Box::new(oidc::run_in_ci),
        },
        Step {
            name: "faults",
            run: Box::new(faults::run_in_ci),
        },
        Step {
            name: "mcp",
            run: Box::new(mcp::run_in_ci),
        },
        Step {
            name: "fuzz",
            run: Box::new(fuzz::run_in_ci),
        },
        Step {
            name: "doc",
            run: Box::new(|| {
                let mut doc = cargo::cargo();
                doc.args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-D warnings");
                command::show(&mut doc)
            }),
        },
    ])
}

fn run_steps(steps: &[Step<'_>]) -> Result<()> {
    let mut summary = Table::new(["step", "result", "time"]);
    let mut failure = None;
    for step in steps {
        if failure.is_some() {
            summary.row([step.name.into(), "not run".into(), String::new()]);
            continue;
        }
        println!("\n== {}", step.name);
        let started = Instant::now();
        let result = (step.run)();
        let time = seconds(started.elapsed());
        println!("== {}: {time}", step.name);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        summary.row([step.name.into(), word.into(), time]);
        failure = result.err().map(|error| (step.name, error));
    }
    println!("\n{}", summary.plain());
    match failure {
        None => Ok(()),
        Some((name, error)) => bail!("{name}: {error:#}"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_first_failure_stops_the_rest() {
        let ran = RefCell::new(Vec::new());
        let step = |name, fails: bool| {
            let ran = &ran;
            Step {
                name,
                run: Box::new(move || {
                    ran.borrow_mut().push(name);
                    if fails {
                        bail!("it broke")
                    }
                    Ok(())
                }),
            }
        };
        let error = run_steps(&[step("one", false), step("two", true), step("three", false)])
            .expect_err("the second step fails");
        assert_eq!(*ran.borrow(), ["one", "two"]);
        assert_eq!(error.to_string(), "two: it broke");
    }

    #[test]
    fn all_steps_passing_is_a_success() {
        let fine = || Step {
            name: "fine",
            run: Box::new(|| Ok(())),
        };
        assert!(run_steps(&[fine(), fine()]).is_ok());
    }
}
