//! Logs: on standard error, for people on a terminal and as JSON for programs.

use std::io::{IsTerminal, stderr};

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// What libraries say of themselves and ours says better, or not at all. A filter that names them
/// still wins.
const QUIET: &str = "actix_server=warn,tokio_postgres=warn,";

/// Reads a level or filter.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    EnvFilter::builder()
        .parse(format!("{QUIET}{level}"))
        .with_context(|| format!("log.level: `{level}` is neither a level nor a filter"))
}

/// Starts logging.
pub(crate) fn start(log: &Log) -> Result<()> {
    let pretty = match log.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter(&log.level)?)
        .with_writer(stderr);
    if pretty {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_span_list(false).init();
    }
    Ok(())
}
