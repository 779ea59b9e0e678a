//! What is looked at before a message is: that it comes from a program and not from somebody's web
//! page, and that both sides speak JSON.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;

use crate::bind::expects_json;
use crate::problem::Refusal;

/// Refuses web pages. A page that had its own name resolve to this server's address would be of the
/// same origin for the browser, so that `Origin` and `Host` agree proves nothing: only where the
/// host is an address, or this machine, is there no name that could have been turned.
///
/// # Errors
/// 403.
pub(super) fn from_a_program(req: &HttpRequest) -> Result<(), Refusal> {
    let Some(origin) = req.headers().get(header::ORIGIN) else {
        return Ok(());
    };
    let from = origin.to_str().ok().and_then(|text| text.split_once("://"));
    let here = req.headers().get(header::HOST);
    let here = here.and_then(|host| host.to_str().ok());
    if from.is_some_and(|(_, host)| Some(host) == here && has_no_name(host)) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "cross_site",
        "The request comes from a web page",
        "Assistants speak to this address, web pages do not: send no `Origin`.",
    ))
}

/// Whether a host, with or without its port, is an address or this machine itself.
fn has_no_name(host: &str) -> bool {
    let inside = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || inside.parse::<IpAddr>().is_ok() || host.parse::<SocketAddr>().is_ok()
}

/// Refuses a client that does not take JSON, because there is no other answer.
///
/// # Errors
/// 406.
pub(super) fn takes_json(req: &HttpRequest) -> Result<(), Refusal> {
    let mut named = req.headers().get_all(header::ACCEPT).peekable();
    let json = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0"));
        !refused && matches!(&*essence, "application/json" | "application/*" | "*/*")
    };
    let mut ranges = named.clone().filter_map(|value| value.to_str().ok());
    if named.peek().is_none() || ranges.any(|text| text.split(',').any(json)) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "In no form that is asked for",
        "Answers are application/json; send `Accept: application/json, text/event-stream`.",
    ))
}

/// Refuses a body that is not sent as JSON.
///
/// # Errors
/// 415.
pub(super) fn is_json(req: &HttpRequest) -> Result<(), Refusal> {
    expects_json(req)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_page_may_speak_only_from_where_no_name_can_be_turned() {
        let check = |origin: &str, host: &str, expected: bool| {
            let req = TestRequest::post()
                .insert_header(("origin", origin))
                .insert_header(("host", host));
            let spoken = from_a_program(&req.to_http_request());
            assert_eq!(spoken.is_ok(), expected, "{origin} {host}");
        };
        check("http://127.0.0.1:8080", "127.0.0.1:8080", true);
        check("http://[::1]:8080", "[::1]:8080", true);
        check("http://[::1]", "[::1]", true);
        check("http://localhost:8080", "localhost:8080", true);
        check("http://localhost", "localhost", true);
        check("http://127.0.0.1:9", "127.0.0.1:8080", false);
        check("http://elsewhere.example", "127.0.0.1:8080", false);
        // What turned names look like.
        check(
            "http://elsewhere.example:8080",
            "elsewhere.example:8080",
            false,
        );
        check(
            "http://127.0.0.1.nip.example",
            "127.0.0.1.nip.example",
            false,
        );
        check("null", "127.0.0.1:8080", false);
        check("", "", false);
        assert!(from_a_program(&TestRequest::post().to_http_request()).is_ok());
    }

    #[test]
    fn a_client_must_take_json() {
        let check = |accept: &str, expected: bool| {
            let req = TestRequest::post().insert_header(("accept", accept));
            let taken = takes_json(&req.to_http_request()).is_ok();
            assert_eq!(taken, expected, "{accept}");
        };
        check("application/json, text/event-stream", true);
        check("text/event-stream;q=1, Application/JSON; q=0.5", true);
        check("*/*", true);
        check("application/*", true);
        check("text/event-stream", false);
        check("application/json;q=0, text/html", false);
        assert!(takes_json(&TestRequest::post().to_http_request()).is_ok());
    }
}
