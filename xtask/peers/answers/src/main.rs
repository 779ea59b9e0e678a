//! What the one door costs: a gateway over a real database in this process, called as an adapter
//! calls it, and the use cases behind it called directly, in turns. It prints a line of JSON for each
//! measurement; `cargo xtask bench answers` starts it and makes sense of the lines.

mod events;
mod ingest;
mod order;
mod read;
mod service;

use anyhow::Result;
use clap::Parser;

// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "bench-answers",
    about = "Calls the gateway, and what is behind it"
)]
enum Bench {
    /// Take single events in
    Ingest(ingest::Plan),
    /// Ask questions
    Read(read::Plan),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Bench::parse() {
        Bench::Ingest(plan) => ingest::run(&plan).await,
        Bench::Read(plan) => read::run(&plan).await,
    }
}
