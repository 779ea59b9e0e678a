//! The configuration: defaults, then a file, then the environment, then flags. What is not known
//! is refused, so that a misspelt key does not stay without effect unnoticed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use config::{Config, Environment, File, FileFormat};
use pts_domain::access::{ElevationRules, Roles};
use pts_domain::retention::Policy;
use serde::{Deserialize, Serialize};

pub(crate) use access::{Access, Elevation, Role};
pub(crate) use limits::Limits;
pub(crate) use secrets::{Masking, Outbound};
pub(crate) use sign_in::{Oidc, Sessions};
pub(crate) use tls::{Proxy, Tls, figures as tls_figures};

use crate::cli::Common;

mod access;
mod limits;
mod secrets;
mod sign_in;
mod tls;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address to listen on.
    pub(crate) listen: String,
    /// Whether an address that others reach may be listened on without TLS and without a proxy.
    pub(crate) insecure_listen: bool,
    /// Where browsers find the service (`https://pts.example`); empty if it does not matter.
    pub(crate) public_url: String,
    /// Where data is kept.
    pub(crate) data_dir: PathBuf,
    pub(crate) tls: Tls,
    pub(crate) proxy: Proxy,
    pub(crate) sessions: Sessions,
    pub(crate) oidc: Oidc,
    pub(crate) database: Database,
    pub(crate) http: Http,
    pub(crate) log: Log,
    pub(crate) retention: Retention,
    pub(crate) limits: Limits,
    pub(crate) elevation: Elevation,
    pub(crate) audit: Audit,
    pub(crate) itself: Itself,
    pub(crate) traces: Traces,
    pub(crate) masking: Masking,
    pub(crate) outbound: Outbound,
    pub(crate) access: Access,
    /// Roles beside those that there always are, by their names.
    // The defaults of the layers know no empty table.
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, Role>,
}

/// Where events are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// PostgreSQL 15 or later; empty for a private one in the data directory.
    pub(crate) url: String,
    /// Connections at the most.
    pub(crate) max_connections: usize,
    /// Directory of `initdb` and `postgres` for the private one; empty to look for it.
    pub(crate) bin_dir: PathBuf,
    /// For so many seconds a start waits for a database that does not answer.
    pub(crate) wait_s: u64,
}

/// How HTTP is spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// Bytes of one request body at the most, after decompression.
    pub(crate) max_body_bytes: usize,
    /// Whether browsers reach the service over TLS only; cookies are then marked so.
    pub(crate) secure_cookies: bool,
    /// Threads that serve requests; 0 for one per core.
    pub(crate) workers: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// A level, or a filter such as `info,pts_services=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
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

/// What goes, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// How long events stay that no projection needs: `forever`, or a span such as `400d`.
    pub(crate) foreign_events: String,
}

impl Retention {
    pub(crate) fn policy(&self) -> Result<Policy> {
        let read = self.foreign_events.parse();
        read.map_err(|why: String| anyhow::anyhow!("retention.foreign_events: {why}"))
    }
}

/// Where the audit is signed, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// Seconds from checkpoint to checkpoint.
    pub(crate) checkpoint_s: u64,
    /// The file that they are told to, outside the database; empty for one in the data directory.
    pub(crate) checkpoint_file: PathBuf,
    /// The Ed25519 key that signs them, in PEM; empty for one in the data directory.
    pub(crate) key_file: PathBuf,
}

impl Audit {
    fn check(&self) -> Result<()> {
        if !(1..=3_600).contains(&self.checkpoint_s) {
            bail!(
                "audit.checkpoint_s: found {}; expected 1 to 3600",
                self.checkpoint_s
            );
        }
        Ok(())
    }
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

impl Itself {
    fn check(&self) -> Result<()> {
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

impl Traces {
    fn check(&self) -> Result<()> {
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

impl Settings {
    fn defaults(data_dir: PathBuf) -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            insecure_listen: false,
            public_url: String::new(),
            data_dir,
            tls: Tls::default(),
            proxy: Proxy::default(),
            sessions: Sessions::default(),
            oidc: Oidc::default(),
            database: Database {
                url: String::new(),
                max_connections: 16,
                bin_dir: PathBuf::new(),
                wait_s: 30,
            },
            http: Http {
                max_body_bytes: 16 * 1024 * 1024,
                secure_cookies: false,
                workers: 0,
            },
            log: Log {
                level: "info".into(),
                format: LogFormat::Auto,
            },
            retention: Retention {
                foreign_events: Policy::Forever.to_string(),
            },
            limits: pts_services::Limits::default().into(),
            elevation: ElevationRules::default().into(),
            audit: Audit {
                checkpoint_s: 60,
                checkpoint_file: PathBuf::new(),
                key_file: PathBuf::new(),
            },
            itself: Itself {
                report: true,
                service: "pts".into(),
                environment: "default".into(),
                instance: String::new(),
                heartbeat_s: 300,
            },
            traces: Traces {
                otlp_endpoint: String::new(),
                sample_ratio: 1.0,
            },
            masking: Masking::default(),
            outbound: Outbound::default(),
            access: Access {
                policies: PathBuf::new(),
            },
            roles: BTreeMap::new(),
        }
    }

    /// All roles that there are.
    pub(crate) fn roles(&self) -> Result<Roles> {
        let mut roles = Roles::default();
        for (name, role) in &self.roles {
            let scopes = role.scopes.iter().map(|scope| {
                let read = scope.parse();
                read.map_err(|why: String| anyhow::anyhow!("roles.{name}.scopes: {why}"))
            });
            let scopes = scopes.collect::<Result<_>>()?;
            roles = roles
                .with(name, scopes)
                .map_err(|why| anyhow::anyhow!("roles.{name}: {why}"))?;
        }
        Ok(roles)
    }

    /// Where to listen.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listen
            .parse()
            .with_context(|| format!("listen: `{}` is not ADDRESS:PORT", self.listen))
    }

    /// The same without secrets: fit to be printed.
    pub(crate) fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.database.url = pts_adapter_postgres::redact(&shown.database.url);
        shown.traces.otlp_endpoint = without_user(&shown.traces.otlp_endpoint);
        if !shown.oidc.client_secret.is_empty() {
            "***".clone_into(&mut shown.oidc.client_secret);
        }
        shown
    }

    /// Refuses to listen where others could listen in, unless it was said.
    pub(crate) fn check_listening(&self) -> Result<()> {
        let behind_a_proxy = !self.proxy.trusted.is_empty();
        let address = self.address()?;
        if address.ip().is_loopback() || self.tls.is_on() || behind_a_proxy || self.insecure_listen
        {
            return Ok(());
        }
        bail!(
            "listen: found {address}, which others reach, without TLS: tokens could be read on their \
             way; set `tls.cert` and `tls.key`, or `proxy.trusted` to where a proxy with TLS is, or \
             say `insecure_listen = true`"
        )
    }

    fn check_public_url(&self) -> Result<()> {
        let url = &self.public_url;
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let is_origin = |rest: &str| {
            !rest.is_empty() && !rest.contains(|c: char| "/?#@".contains(c) || c.is_whitespace())
        };
        if !url.is_empty() && !rest.is_some_and(is_origin) {
            bail!("public_url: found `{url}`; expected `https://HOST` or `https://HOST:PORT`");
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.address()?;
        self.check_public_url()?;
        self.tls.check()?;
        self.proxy.proxies()?;
        self.sessions.lifetimes()?;
        self.oidc.check(&self.public_url)?;
        if self.database.max_connections < 2 {
            bail!(
                "database.max_connections: found {}; expected 2 or more",
                self.database.max_connections
            );
        }
        if !(1024..=1024 * 1024 * 1024).contains(&self.http.max_body_bytes) {
            bail!(
                "http.max_body_bytes: found {}; expected 1024 to 1073741824",
                self.http.max_body_bytes
            );
        }
        if !(1..=3_600).contains(&self.limits.deadline_s) {
            bail!(
                "limits.deadline_s: found {}; expected 1 to 3600",
                self.limits.deadline_s
            );
        }
        crate::logging::filter(&self.log.level)?;
        self.retention.policy()?;
        self.elevation.rules()?;
        self.audit.check()?;
        self.itself.check()?;
        self.masking.masker()?;
        self.outbound.settings()?;
        self.roles()?;
        self.traces.check()
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

/// Reads the configuration from everywhere.
pub(crate) fn load(flags: &Common) -> Result<Settings> {
    let mut layers =
        Config::builder().add_source(Config::try_from(&Settings::defaults(default_data_dir()))?);
    if let Some(file) = file(flags.config.as_deref())? {
        layers = layers.add_source(File::from(file).format(FileFormat::Toml));
    }
    layers = layers.add_source(
        Environment::with_prefix("PTS")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("proxy.trusted"),
    );
    let flag = |value: &Option<PathBuf>| {
        value
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned())
    };
    layers = layers
        .set_override_option("listen", flags.listen.clone())?
        .set_override_option("data_dir", flag(&flags.data_dir))?
        .set_override_option("database.url", flags.database_url.clone())?
        .set_override_option("log.level", flags.log_level.clone())?;
    let settings: Settings = layers
        .build()
        .and_then(Config::try_deserialize)
        .context("the configuration is wrong (file, PTS__… environment or flags)")?;
    settings.check().context("the configuration is wrong")?;
    Ok(settings)
}

/// The file to read: the named one, which must be there, or the first of the usual ones that is.
fn file(named: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(named) = named {
        if !named.is_file() {
            bail!("there is no configuration file {}", named.display());
        }
        return Ok(Some(named.to_owned()));
    }
    let usual = ["pts.toml", "/etc/pts/pts.toml"].map(PathBuf::from);
    Ok(usual.into_iter().find(|path| path.is_file()))
}

/// Root's home is closed to the account that the private PostgreSQL runs as, so root's data lives
/// where services keep theirs.
fn default_data_dir() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let data_home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    match (home, data_home) {
        _ if pts_adapter_postgres::cluster::is_root() => "/var/lib/pts".into(),
        (_, Some(data_home)) => data_home.join("pts"),
        (Some(home), None) => home.join(".local/share/pts"),
        (None, None) => "pts-data".into(),
    }
}

#[cfg(test)]
mod tests {
    use pts_domain::access::Scope;

    use super::*;

    fn with_file(text: &str) -> Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pts.toml");
        std::fs::write(&path, text).unwrap();
        load(&Common {
            config: Some(path),
            ..Common::default()
        })
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused_by_name() {
        let error = format!(
            "{:#}",
            with_file("[http]\nmax_body_byte = 5\n").unwrap_err()
        );
        assert!(
            error.contains("max_body_byte") && error.contains("max_body_bytes"),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_or_out_of_bounds_is_refused() {
        assert!(with_file("[http]\nmax_body_bytes = \"many\"\n").is_err());
        let error = format!("{:#}", with_file("listen = \"here\"\n").unwrap_err());
        assert!(error.contains("listen"), "{error}");
        assert!(with_file("[database]\nmax_connections = 1\n").is_err());
        assert!(with_file("[limits]\ndeadline_s = 0\n").is_err());
        assert!(with_file("[limits]\ncalls_per_s = -1\n").is_err());
        assert!(with_file("[audit]\ncheckpoint_s = 0\n").is_err());
        assert!(with_file("[traces]\notlp_endpoint = \"https://x\"\n").is_err());
        assert!(with_file("[traces]\nsample_ratio = 1.5\n").is_err());
        assert!(with_file("[itself]\nheartbeat_s = 0\n").is_err());
        assert!(with_file("[itself]\nenvironment = \"\"\n").is_err());
        assert!(with_file("[outbound]\nallow = [\"http://h\"]\n").is_err());
        assert!(with_file("[outbound]\ndeadline_s = 0\n").is_err());
        assert!(with_file("[log]\nlevel = \"info,=x\"\n").is_err());
        let short = with_file("[retention]\nforeign_events = \"30d\"\n").unwrap_err();
        let error = format!("{short:#}");
        assert!(
            error.contains("retention.foreign_events: found `30d`") && error.contains("62d"),
            "{error}"
        );
    }

    #[test]
    fn approvals_are_counted_by_scope() {
        let settings = with_file(
            "[elevation]\nmost_minutes = 30\n[elevation.approvals_of]\nadmin = 2\n\
             \"access:manage\" = 3\n",
        );
        let rules = settings.unwrap().elevation.rules().unwrap();
        assert_eq!((rules.most_minutes, rules.approvals), (30, 1));
        let of: Vec<_> = rules.approvals_of.into_iter().collect();
        assert_eq!(of, [(Scope::AccessManage, 3), (Scope::Admin, 2)]);
        for (wrong, says) in [
            ("most_minutes = 0", "elevation.most_minutes: found 0"),
            ("approvals = 11", "elevation.approvals: found 11"),
            ("decide_within_minutes = 99999", "expected 1 to 10080"),
            ("approvals_of = { admn = 1 }", "did you mean `admin`"),
        ] {
            let error = with_file(&format!("[elevation]\n{wrong}\n")).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn roles_are_read_from_the_file_and_checked() {
        let file = "[roles.auditor]\nscopes = [\"audit:read\", \"events:read\"]\n";
        let roles = with_file(file).unwrap().roles().unwrap();
        let auditor = roles.get("auditor").unwrap();
        assert_eq!(*auditor, [Scope::AuditRead, Scope::EventsRead].into());
        assert!(roles.get("viewer").is_some());
        for (file, part) in [
            (
                "[roles.auditor]\nscopes = [\"audit:reed\"]\n",
                "`audit:read`",
            ),
            ("[roles.viewer]\nscopes = [\"admin\"]\n", "always is"),
            ("[roles.Auditor]\nscopes = []\n", "no name of a role"),
            ("[roles.auditor]\nscope = []\n", "scope"),
        ] {
            let error = format!("{:#}", with_file(file).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn rules_of_what_is_masked_are_read_and_checked() {
        let rules = "[masking]\nexcept = [\"deploy_token\"]\noff = [\"jwt\"]\n\
                     [masking.fields]\ninternal = [\"magic_word\"]\n\
                     [masking.patterns]\nbadge = \"BDG-[0-9]{4}\"\n";
        let settings = with_file(rules).unwrap();
        assert!(settings.masking.masker().unwrap().is_some());
        let error = format!("{:#}", with_file("[masking]\noff = [\"x\"]\n").unwrap_err());
        assert!(error.contains("masking: off: found `x`"), "{error}");
        let off = with_file("[masking]\nenabled = false\n").unwrap();
        assert!(off.masking.masker().unwrap().is_none());
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pts.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\n[http]\nworkers = 3\n").unwrap();
        let flags = Common {
            config: Some(path),
            listen: Some("127.0.0.1:2".into()),
            ..Common::default()
        };
        let settings = load(&flags).unwrap();
        assert_eq!(
            (settings.listen.as_str(), settings.http.workers),
            ("127.0.0.1:2", 3)
        );
        assert_eq!(settings.http.max_body_bytes, 16 * 1024 * 1024);
    }

    #[test]
    fn a_named_file_must_be_there() {
        let flags = Common {
            config: Some("/nowhere/pts.toml".into()),
            ..Common::default()
        };
        assert!(load(&flags).is_err());
    }

    #[test]
    fn nobody_listens_in_unless_it_was_said() {
        let check = |text: &str, fine: bool| {
            let settings = with_file(text).unwrap();
            assert_eq!(settings.check_listening().is_ok(), fine, "{text}");
        };
        check("", true);
        check("listen = \"[::1]:1\"", true);
        check("listen = \"0.0.0.0:1\"", false);
        check("listen = \"10.0.0.1:1\"", false);
        check("listen = \"0.0.0.0:1\"\ninsecure_listen = true", true);
        let tls = "[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"";
        check(&format!("listen = \"0.0.0.0:1\"\n{tls}"), true);
        let proxy = "[proxy]\ntrusted = [\"10.0.0.0/8\", \"::1\"]";
        check(&format!("listen = \"0.0.0.0:1\"\n{proxy}"), true);
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        let check = |text: &str, words: &str| {
            let error = format!("{:#}", with_file(text).unwrap_err());
            assert!(error.contains(words), "{error}");
        };
        check("[tls]\ncert = \"c.pem\"", "only one of `cert` and `key`");
        check("[tls]\nclient_ca = \"ca.pem\"", "tls.client_ca");
        check("[proxy]\ntrusted = [\"everywhere\"]", "is no network");
        check("[proxy]\nheader = \"via\"", "proxy.header: found `via`");
        check("[sessions]\nidle = \"1s\"", "sessions.idle: found `1s`");
        check("[sessions]\nabsolute = \"31d\"", "sessions.absolute");
        check("public_url = \"pts.example\"", "public_url");
        check("public_url = \"https://pts.example/\"", "public_url");
        let oidc = "[oidc]\nissuer = \"https://i\"\nclient_id = \"pts\"\n";
        check(oidc, "public_url: found nothing");
        let public = format!("public_url = \"https://p\"\n{oidc}");
        check(&public, "oidc.roles: found none");
        let role = |more: &str| format!("{public}[[oidc.roles]]\ngroup = \"sre\"\n{more}");
        check(&role("roles = []"), "without roles");
        check(
            &role("roles = [\"admin\"]\nworkspace = \"A\""),
            "is no workspace",
        );
        assert!(with_file(&role("roles = [\"admin\"]")).is_ok());
    }

    #[test]
    fn a_password_is_not_printed() {
        let mut settings = Settings::defaults("d".into());
        settings.oidc.client_secret = "s3cret".into();
        settings.database.url = "postgres://u:s3cret@h/db".into();
        settings.traces.otlp_endpoint = "http://u:s3c@ret@h:4318/p".into();
        let shown = toml::to_string(&settings.redacted()).unwrap();
        assert!(!shown.contains("s3c"), "{shown}");
        assert!(shown.contains("http://h:4318/p"), "{shown}");
    }
}
