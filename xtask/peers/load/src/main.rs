//! What the benchmarks load their subjects with. A program of its own, because it must be built
//! with optimisations even when the tasks are not, and because what it costs is then seen apart
//! from everything else. It prints a line of JSON for each window of time, and one for the whole.

mod answer;
mod copy;
mod events;
mod flush;
mod http;
mod report;
mod run;
mod watch;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(name = "bench-load", about = "Loads a subject of a benchmark")]
enum Load {
    /// Post events, each request after the answer to the one before
    Http(http::Plan),
    /// Copy rows into the table of events
    Copy(copy::Plan),
    /// Append and flush, and tell how long a flush takes
    Flush(flush::Plan),
    /// Run another program that loads
    Run(run::Plan),
    /// Print events of the mix, one a line
    Show(events::Plan),
}

fn main() -> Result<()> {
    match Load::parse() {
        Load::Http(plan) => http::run(&plan),
        Load::Copy(plan) => copy::run(&plan),
        Load::Flush(plan) => flush::run(&plan),
        Load::Run(plan) => run::run(&plan),
        Load::Show(plan) => {
            events::show(&plan);
            Ok(())
        }
    }
}
