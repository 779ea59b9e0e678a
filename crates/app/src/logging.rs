//! Logs: on standard error, for people on a terminal and as JSON for programs.

use std::io::{IsTerminal, stderr};

use anyhow::{Context, Result};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Log, LogFormat};
use crate::traces::{SpanLayer, wanted};

/// What libraries say of themselves and ours says better, or not at all. A filter that names them
/// still wins.
const QUIET: &str = "actix_server=warn,tokio_postgres=warn,";

/// Reads a level or filter.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    EnvFilter::builder()
        .parse(format!("{QUIET}{level}"))
        .with_context(|| format!("log.level: `{level}` is neither a level nor a filter"))
}

/// Starts logging; spans go to `spans`, too, where somebody wants them.
pub(crate) fn start(log: &Log, spans: Option<SpanLayer>) -> Result<()> {
    let pretty = match log.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = if pretty {
        lines.with_target(false).boxed()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter(&log.level)?))
        .with(spans.map(|spans| spans.with_filter(filter_fn(wanted))))
        .init();
    Ok(())
}
