//! The project's tasks, one file each. They are an ordinary program so that a newcomer needs
//! nothing but cargo, and so that what guards the house is itself tested.

mod bench;
mod cargo;
mod ci;
mod command;
mod faults;
mod fuzz;
mod images;
mod mcp;
mod npm;
mod oidc;
mod pypi;
mod repo;
mod run;
mod serving;
mod table;
mod test;
mod tidy;
mod types;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's tasks"
)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the server and start it with a database of its own under ./pts-data
    Run(run::Run),
    /// Run every test, and say which databases they really ran on
    Test(test::Test),
    /// Check what the compiler cannot: who depends on whom, file sizes, links, openings
    Tidy(tidy::Tidy),
    /// Everything a change must pass: fmt, clippy, tidy, test, oidc, faults, mcp, fuzz, doc
    Ci(ci::Ci),
    /// Build the base images containers start from where no registry is reachable
    Images(images::Images),
    /// Let everything go wrong around the service, and look whether anything was lost
    Faults(faults::Faults),
    /// Try the running API with everything that its description allows and does not allow
    Fuzz(fuzz::Fuzz),
    /// Let an official client of the Model Context Protocol list and use the tools
    Mcp(mcp::Mcp),
    /// Let people sign in with a real identity provider
    Oidc(oidc::Oidc),
    /// Make the TypeScript types of the API again, and let the compiler read them
    Types(types::Types),
    /// Measure: a scenario against a peer in the same run, written into docs/benchmarks.md
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let done = match Xtask::parse().task {
        Task::Run(task) => run::run(&task),
        Task::Test(task) => test::run(&task),
        Task::Tidy(task) => tidy::run(&task),
        Task::Ci(task) => ci::run(&task),
        Task::Images(task) => images::run(&task),
        Task::Faults(task) => faults::run(&task),
        Task::Fuzz(task) => fuzz::run(&task),
        Task::Mcp(task) => mcp::run(&task),
        Task::Oidc(task) => oidc::run(&task),
        Task::Types(task) => types::run(&task),
        Task::Bench(task) => bench::run(&task),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
