//! What a newcomer sees after a start: where it is, how to get in, what to try.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::config::Settings;

/// A deployment, as a pipeline would report it.
const EXAMPLE: &str = r#"[{"type":"deployment.started","source":"my-laptop","data":{"service":"payments","environment":"production","deployment_id":"d-1","version":"1.0.0"}},{"type":"deployment.succeeded","source":"my-laptop","data":{"service":"payments","environment":"production","deployment_id":"d-1"}}]"#;

/// Everything the banner tells.
pub(crate) struct Banner<'a> {
    /// How a browser reaches the service.
    pub(crate) url: String,
    /// The admin token, on the first start.
    pub(crate) token: Option<&'a str>,
    /// Where the admin token is kept.
    pub(crate) token_file: &'a Path,
    /// A one-time code, where somebody can be expected to read it.
    pub(crate) sign_in_code: Option<&'a str>,
    pub(crate) database: &'a str,
}

/// The text, for standard output.
pub(crate) fn text(banner: &Banner<'_>) -> String {
    let url = &banner.url;
    let file = banner.token_file.display();
    let mut text = String::new();
    let _ = writeln!(text, "PTS listens on {url}");
    let _ = writeln!(text, "  database       {}", banner.database);
    match banner.token {
        Some(token) => {
            let _ = writeln!(text, "  admin token    {token}");
            let _ = writeln!(text, "                 shown once; also in {file}");
        }
        None if banner.token_file.exists() => {
            let _ = writeln!(text, "  admin token    in {file}");
        }
        None => {
            let _ = writeln!(
                text,
                "  admin token    made earlier; `pts-server token create` makes others"
            );
        }
    }
    if let Some(code) = banner.sign_in_code {
        let _ = writeln!(text, "  sign in        {url}/signin?code={code}");
        let _ = writeln!(text, "                 good once, for 15 minutes");
    }
    let _ = writeln!(text, "  API reference  {url}/docs");
    let _ = writeln!(text, "Try:");
    let _ = writeln!(
        text,
        "  curl -sS {url}/v1/events -H \"Authorization: Bearer $(cat '{file}')\" \
         -H 'Content-Type: application/json' -d '{EXAMPLE}'",
    );
    text
}

/// How a browser reaches the service: where the operator says, or else from this machine.
pub(crate) fn url(settings: &Settings, address: SocketAddr) -> String {
    if !settings.public_url.is_empty() {
        return settings.public_url.clone();
    }
    let host = if address.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address.ip()
    };
    let scheme = if settings.tls.is_on() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", SocketAddr::new(host, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_shown_only_when_it_is_new() {
        let mut banner = Banner {
            url: "http://127.0.0.1:8080".to_owned(),
            token: Some("pts_secret"),
            token_file: Path::new("/d/admin-token"),
            sign_in_code: Some("code"),
            database: "private",
        };
        let first = text(&banner);
        assert!(first.contains("pts_secret") && first.contains("http://127.0.0.1:8080/signin"));
        banner.token = None;
        banner.sign_in_code = None;
        let later = text(&banner);
        assert!(!later.contains("pts_secret") && !later.contains("signin"));
    }
}
