//! From defaults, a file, the environment and flags to settings that are checked.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use config::{Config, Environment, File, FileFormat};

use super::Settings;
use crate::cli::Common;

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

/// Reads a file of this text, for tests.
#[cfg(test)]
pub(super) fn with_file(text: &str) -> Result<Settings> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pts.toml");
    std::fs::write(&path, text).unwrap();
    load(&Common {
        config: Some(path),
        ..Common::default()
    })
}

/// Checks that a file of this text is refused with these words, for tests.
#[cfg(test)]
pub(super) fn assert_refused(text: &str, words: &str) {
    let error = format!("{:#}", with_file(text).unwrap_err());
    assert!(error.contains(words), "{error}");
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
