//! Connection strings as libpq reads them: both forms, and the TLS options that the driver does
//! not know. Nothing here ever quotes a part of the string in an error: it may be a password.

use std::fmt::Write as _;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::tls::{TlsSettings, Verification};

/// What a connection string says.
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: TlsSettings,
}

const LIBPQ_ONLY: &[&str] = &[
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "sslcompression",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "gssencmode",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "service",
    "passfile",
    "client_encoding",
    "fallback_application_name",
    "requirepeer",
    "require_auth",
    "sslcertmode",
];

/// Reads a connection string.
///
/// # Errors
/// A sentence saying what is wrong with it, without quoting it.
pub(crate) fn parse(text: &str) -> Result<Target, String> {
    let (rest, options) = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        split_url(text)?
    } else {
        split_pairs(text)?
    };
    let mut mode = None;
    let mut tls = TlsSettings::default();
    for (name, value) in options {
        match name.as_str() {
            "sslmode" => mode = Some(value),
            "sslrootcert" => tls.root_cert = Some(value),
            "sslcert" => tls.client_cert = Some(value),
            "sslkey" => tls.client_key = Some(value),
            // Both are what this client does anyway.
            "sslsni" | "gssencmode" | "fallback_application_name" | "client_encoding" => {}
            name => return Err(format!("the option `{name}` is not supported")),
        }
    }
    let mut config: Config = rest
        .parse()
        .map_err(|error: tokio_postgres::Error| explain(&error))?;
    let system_roots = tls.root_cert.as_deref() == Some("system");
    let mode = mode.unwrap_or_else(|| {
        if system_roots {
            "verify-full"
        } else {
            "prefer"
        }
        .into()
    });
    let (ssl_mode, verification) = match mode.as_str() {
        "disable" => (SslMode::Disable, Verification::None),
        "allow" | "prefer" => (SslMode::Prefer, Verification::None),
        // As libpq does: who names a root certificate wants it checked.
        "require" if tls.root_cert.is_some() => (SslMode::Require, Verification::Chain),
        "require" => (SslMode::Require, Verification::None),
        "verify-ca" => (SslMode::Require, Verification::Chain),
        "verify-full" => (SslMode::Require, Verification::Full),
        _ => {
            return Err(
                "sslmode must be disable, allow, prefer, require, verify-ca or verify-full".into(),
            );
        }
    };
    if system_roots && verification != Verification::Full {
        return Err("sslrootcert=system needs sslmode=verify-full".into());
    }
    tls.verification = verification;
    let hosts = config.get_hosts();
    if hosts.is_empty() && config.get_hostaddrs().is_empty() {
        return Err("it names no host; a unix socket is host=/its/directory".into());
    }
    // A socket file is inside this machine: libpq does not encrypt there, whatever it is told.
    let local = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    config.ssl_mode(if local { SslMode::Disable } else { ssl_mode });
    Ok(Target { config, tls })
}

/// A connection string without its password: fit to be shown. One that cannot be read is hidden
/// as a whole.
pub fn redact(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let Ok(Target { config, .. }) = parse(text) else {
        return "(hidden)".into();
    };
    if config.get_password().is_none() {
        return text.to_owned();
    }
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let ports: Vec<_> = config.get_ports().iter().map(ToString::to_string).collect();
    let mut shown = format!("host={}", hosts.collect::<Vec<_>>().join(","));
    for (name, value) in [
        ("port", (!ports.is_empty()).then(|| ports.join(","))),
        ("user", config.get_user().map(ToOwned::to_owned)),
        ("dbname", config.get_dbname().map(ToOwned::to_owned)),
    ] {
        if let Some(value) = value {
            let _ = write!(shown, " {name}={value}");
        }
    }
    shown + " password=(hidden)"
}

type Options = Vec<(String, String)>;

fn split_url(url: &str) -> Result<(String, Options), String> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), Vec::new()));
    };
    let mut kept = Vec::new();
    let mut taken = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or("an option after ? has no value")?;
        if is_ours(name) {
            taken.push((name.to_owned(), percent_decode(value)?));
        } else {
            kept.push(pair);
        }
    }
    let rest = if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    };
    Ok((rest, taken))
}

fn percent_decode(text: &str) -> Result<String, String> {
    let broken = || "an option after ? is not percent-encoded text".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = tail.get(..2).ok_or_else(broken)?;
            let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| broken())?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

/// `name = value` pairs; values may be quoted with `'`, and `\` takes the next character as it is.
fn split_pairs(text: &str) -> Result<(String, Options), String> {
    let mut kept = String::new();
    let mut taken = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        if name.is_empty() {
            if chars.peek().is_none() {
                return Ok((kept, taken));
            }
            return Err("it is neither postgres://… nor name=value pairs".into());
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            return Err("it is neither postgres://… nor name=value pairs".into());
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => break,
                Some(c) if !quoted && c.is_whitespace() => break,
                Some(c) => value.push(c),
                None if quoted => return Err("a quoted value does not end".into()),
                None => break,
            }
        }
        if is_ours(&name) {
            taken.push((name, value));
        } else {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            let _ = write!(kept, "{name}='{value}' ");
        }
    }
}

fn is_ours(name: &str) -> bool {
    name == "sslmode" || LIBPQ_ONLY.contains(&name)
}

/// The driver's own words name an option at most, but an unquoted password with a space in it
/// makes one of its words an option.
fn explain(error: &tokio_postgres::Error) -> String {
    const OPTIONS: &[&str] = &[
        "hostaddr",
        "port",
        "connect_timeout",
        "tcp_user_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_retries",
        "target_session_attrs",
        "channel_binding",
        "load_balance_hosts",
        "sslnegotiation",
    ];
    let source = std::error::Error::source(error).map(ToString::to_string);
    let named = OPTIONS
        .iter()
        .find(|option| source.as_deref() == Some(&format!("invalid value for option `{option}`")));
    match named {
        Some(option) => format!("the value of `{option}` is invalid"),
        None => "it is not a connection string of PostgreSQL".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mode: SslMode, verification: Verification) -> Target {
        let target = parse(text).unwrap();
        assert_eq!(target.config.get_ssl_mode(), mode, "{text}");
        assert_eq!(target.tls.verification, verification, "{text}");
        target
    }

    #[test]
    fn sslmode_is_honoured_as_libpq_does() {
        let with = |mode: &str| format!("postgres://u:p@h/db?sslmode={mode}");
        check("postgres://u:p@h/db", SslMode::Prefer, Verification::None);
        check(&with("disable"), SslMode::Disable, Verification::None);
        check(&with("prefer"), SslMode::Prefer, Verification::None);
        check(&with("require"), SslMode::Require, Verification::None);
        check(&with("verify-ca"), SslMode::Require, Verification::Chain);
        check(&with("verify-full"), SslMode::Require, Verification::Full);
        check(
            &with("require&sslrootcert=/a%20b.pem"),
            SslMode::Require,
            Verification::Chain,
        );
        check(
            "host=h sslrootcert=system",
            SslMode::Require,
            Verification::Full,
        );
        assert!(parse(&with("sometimes")).is_err());
        assert!(parse("host=h sslmode=require sslrootcert=system").is_err());
    }

    #[test]
    fn both_forms_are_read_and_our_options_taken_out() {
        let target = check(
            "host=h user=u password='a b\\'c' sslmode = verify-full sslrootcert='/my ca.pem' dbname=d",
            SslMode::Require,
            Verification::Full,
        );
        assert_eq!(target.config.get_password(), Some(&b"a b'c"[..]));
        assert_eq!(target.config.get_dbname(), Some("d"));
        assert_eq!(target.tls.root_cert.as_deref(), Some("/my ca.pem"));
        let target = check(
            "postgresql://u:p%40ss@h:5433/d?connect_timeout=3&sslrootcert=%2Fca.pem",
            SslMode::Prefer,
            Verification::None,
        );
        assert_eq!(target.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(target.tls.root_cert.as_deref(), Some("/ca.pem"));
    }

    #[test]
    fn a_unix_socket_is_never_encrypted() {
        check(
            "host=/run/pg user=u sslmode=require",
            SslMode::Disable,
            Verification::None,
        );
    }

    #[test]
    fn what_is_shown_of_a_url_has_no_password() {
        let check = |text: &str, want: &str| assert_eq!(redact(text), want);
        check("host=/run/pg user=u", "host=/run/pg user=u");
        check(
            "postgres://u:secret@h:1/d?sslmode=require",
            "host=h port=1 user=u dbname=d password=(hidden)",
        );
        check("host=h password='secret", "(hidden)");
        check("", "");
    }

    #[test]
    fn no_error_tells_what_the_text_holds() {
        for text in [
            "host=h password=my secret word",
            "postgres://u:secret@h:port/db",
            "secret",
            "host=h password='secret",
            "user=u password=secret",
            "host=h password=secret port=x",
            "host=h password=secret sslcrl=/x",
        ] {
            let Err(error) = parse(text) else {
                panic!("{text} was accepted")
            };
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
