//! What the service tells of itself: log lines, its own life as events, spans of requests.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// A level, or a filter such as `info,pts_services=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    Pretty,
    Json,
}

/// What the service tells of itself, through its own door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Itself {
    /// Whether it reports its own life as events.
    pub(crate) report: bool,
    /// The service's name in them.
    pub(crate) service: String,
    /// Where it runs.
    pub(crate) environment: String,
    /// This process; empty for a name that no other process has.
    pub(crate) instance: String,
    /// Seconds from heartbeat to heartbeat; three that are missing count as gone.
    pub(crate) heartbeat_s: u32,
}

/// Where spans of requests go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Traces {
    /// `http://HOST:PORT` of an OpenTelemetry collector (OTLP, HTTP with protobuf); empty for nowhere.
    pub(crate) otlp_endpoint: String,
    /// The share of the traces that begin here that are sampled, 0 to 1.
    pub(crate) sample_ratio: f64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Auto,
        }
    }
}

impl Default for Itself {
    fn default() -> Self {
        Self {
            report: true,
            service: "pts".into(),
            environment: "default".into(),
            instance: String::new(),
            heartbeat_s: 300,
        }
    }
}

impl Itself {
    pub(super) fn check(&self) -> Result<()> {
        let names = [
            ("service", &self.service),
            ("environment", &self.environment),
            ("instance", &self.instance),
        ];
        for (key, name) in names {
            let may_be_empty = key == "instance";
            if (name.is_empty() && !may_be_empty) || name.len() > 255 || name.contains('\0') {
                bail!("itself.{key}: found `{name}`; expected a text of 1 to 255 bytes");
            }
        }
        if !(1..=86_400).contains(&self.heartbeat_s) {
            bail!(
                "itself.heartbeat_s: found {}; expected 1 to 86400",
                self.heartbeat_s
            );
        }
        Ok(())
    }
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            sample_ratio: 1.0,
        }
    }
}

impl Traces {
    pub(super) fn check(&self) -> Result<()> {
        let endpoint = &self.otlp_endpoint;
        if !endpoint.is_empty() && !endpoint.starts_with("http://") {
            bail!(
                "traces.otlp_endpoint: found `{}`; expected `http://HOST:PORT` of a collector close by, \
                 which can send spans on over TLS",
                without_user(endpoint)
            );
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            bail!(
                "traces.sample_ratio: found {}; expected 0 to 1",
                self.sample_ratio
            );
        }
        Ok(())
    }
}

/// An address without what may stand before its host.
pub(crate) fn without_user(address: &str) -> String {
    let begin = address.find("://").map_or(0, |at| at + "://".len());
    let host = address[begin..].find(['/', '?', '#']);
    let end = host.map_or(address.len(), |at| begin + at);
    match address[begin..end].rfind('@') {
        Some(at) => format!("{}{}", &address[..begin], &address[begin + at + 1..]),
        None => address.to_owned(),
    }
}

/// An address whose host alone is told.
pub(super) fn host_alone(address: &str) -> String {
    let plain = without_user(address);
    let begin = plain.find("://").map_or(0, |at| at + "://".len());
    match plain[begin..].find(['/', '?', '#', '\\']) {
        Some(at) => format!("{}/***", &plain[..begin + at]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(with_file("[traces]\notlp_endpoint = \"https://x\"\n").is_err());
        assert!(with_file("[traces]\nsample_ratio = 1.5\n").is_err());
        assert!(with_file("[itself]\nheartbeat_s = 0\n").is_err());
        assert!(with_file("[itself]\nenvironment = \"\"\n").is_err());
        assert!(with_file("[log]\nlevel = \"info,=x\"\n").is_err());
    }
}
