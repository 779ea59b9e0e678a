//! Where the server is, who asks, and how much time and memory a call may take.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use http::uri::{Authority, Scheme};

use crate::ClientError;

/// How a client is made. What is not set has a bound all the same.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub(crate) base: Base,
    /// Never shown: `HeaderValue` hides what is marked as sensitive.
    pub(crate) authorization: Option<HeaderValue>,
    /// How long a connection may take to open; 5 s.
    pub connect_timeout: Duration,
    /// How long one try may take, from sending to the last byte of the answer; 30 s.
    pub answer_timeout: Duration,
    /// How long all tries of a call may take together; 60 s.
    pub call_timeout: Duration,
    /// How long a stream or a download may be silent before it counts as cut; 60 s. A live stream
    /// says that it is alive every 15 s.
    pub silence_timeout: Duration,
    /// How long a stream tries to come back before it gives up; 5 min.
    pub resume_timeout: Duration,
    /// The most bytes of one answer, or of one event of a stream; 64 MiB.
    pub most_answer_bytes: usize,
    /// The most tries of one call, 1 for no retries; 4.
    pub most_tries: u32,
    /// The wait before the second try, doubled with each further one; 100 ms. A random part of it is
    /// left out, and a `Retry-After` of the server is kept to.
    pub first_backoff: Duration,
    /// The longest wait between two tries; 5 s.
    pub longest_backoff: Duration,
    /// A file of PEM certificates to trust; the system's if not given.
    pub root_certificates: Option<PathBuf>,
}

impl ClientOptions {
    /// Options for a server (`https://pts.example`, with a path if it is not at the root) and a token.
    ///
    /// # Errors
    /// [`ClientError::Options`] if the address is none of HTTP or the token cannot be one.
    pub fn new(server: &str, token: &str) -> Result<Self, ClientError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| ClientError::Options("the token holds what no token holds".into()))?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization: Some(authorization),
            ..Self::without_token(server)?
        })
    }

    /// Options for a server without a token, to [sign in](crate::Client::sign_in) with.
    ///
    /// # Errors
    /// [`ClientError::Options`] if the address is none of HTTP.
    pub fn without_token(server: &str) -> Result<Self, ClientError> {
        Ok(Self {
            base: Base::parse(server)?,
            authorization: None,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_mins(1),
            silence_timeout: Duration::from_mins(1),
            resume_timeout: Duration::from_mins(5),
            most_answer_bytes: 64 * 1024 * 1024,
            most_tries: 4,
            first_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(5),
            root_certificates: None,
        })
    }
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Base {
    pub(crate) scheme: Scheme,
    authority: Authority,
    /// What stands before every path; without a slash at its end.
    prefix: String,
}

impl Base {
    fn parse(server: &str) -> Result<Self, ClientError> {
        let wrong = |why: &str| ClientError::Options(format!("the server's address {why}"));
        let uri: Uri = server.trim().parse().map_err(|_| wrong("is no URL"))?;
        let parts = uri.into_parts();
        let scheme = parts
            .scheme
            .ok_or_else(|| wrong("needs http:// or https://"))?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(wrong("is neither http:// nor https://"));
        }
        let authority = parts.authority.ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("holds a user; a token is given beside it"));
        }
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(wrong("holds a query"));
        }
        let prefix = path.map(|path| path.path().trim_end_matches('/').to_owned());
        Ok(Self {
            scheme,
            authority,
            prefix: prefix.unwrap_or_default(),
        })
    }

    /// The full address of a path with its query.
    pub(crate) fn at(&self, target: &str) -> Result<Uri, ClientError> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{target}", self.prefix))
            .build()
            .map_err(|error| ClientError::Input {
                field: "the request".into(),
                why: error.to_string(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let options = ClientOptions::new("https://pts.example", "pts_secret").unwrap();
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn an_address_is_http_with_a_host_and_nothing_else() {
        let at = |server: &str| {
            let options = ClientOptions::new(server, "t").ok()?;
            Some(options.base.at("/v1/events?limit=1").ok()?.to_string())
        };
        let check = |server: &str, expected: Option<&str>| {
            assert_eq!(at(server).as_deref(), expected, "{server}");
        };
        check("http://h:8080", Some("http://h:8080/v1/events?limit=1"));
        check("https://h/pts/ ", Some("https://h/pts/v1/events?limit=1"));
        check(
            "https://[::1]:1/",
            Some("https://[::1]:1/v1/events?limit=1"),
        );
        for wrong in [
            "",
            "h",
            "h:80",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h/?a=b",
        ] {
            check(wrong, None);
        }
        assert!(ClientOptions::new("http://h", "a\nb").is_err());
    }
}
