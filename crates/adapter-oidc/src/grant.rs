//! The provider's token endpoint and what belongs to it: a form goes there, tokens or a stable word come
//! back.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use openidconnect::core::CoreClientAuthMethod;
use openidconnect::url::form_urlencoded;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pts_ports::ProviderError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::discovery::Metadata;
use crate::http::{Http, HttpError};

/// How much of a provider's own words is kept.
const MOST_WORDS: usize = 200;

/// Who we are to the provider, and how we prove it.
pub(crate) struct Credentials<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: Option<&'a str>,
    /// Whether the secret goes into the form instead of a header.
    pub(crate) in_form: bool,
}

impl<'a> Credentials<'a> {
    /// In a header, as every provider must allow, unless it says that it only takes the form.
    pub(crate) fn of(
        metadata: &Metadata,
        client_id: &'a str,
        client_secret: Option<&'a str>,
    ) -> Self {
        let methods = metadata.token_endpoint_auth_methods_supported();
        let in_form = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        Self {
            client_id,
            client_secret,
            in_form,
        }
    }
}

/// The tokens that were granted.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) id_token: Option<String>,
    pub(crate) access_token: Option<String>,
}

/// A refusal in the words of RFC 6749 and RFC 8628.
#[derive(Debug, Deserialize)]
pub(crate) struct Refused {
    pub(crate) error: String,
    #[serde(default)]
    error_description: String,
}

/// Sends a form; what comes back is what was asked for, or a refusal in a word.
pub(crate) async fn ask<T: DeserializeOwned>(
    http: &Http,
    endpoint: &str,
    credentials: &Credentials<'_>,
    fields: &[(&str, &str)],
) -> Result<Result<T, Refused>, ProviderError> {
    let request = request(endpoint, credentials, fields)?;
    let response = http.send(request).await.map_err(|error| away(&error))?;
    if response.status().is_success() {
        return read(&response).map(Ok);
    }
    if response.status().is_server_error() {
        let status = response.status();
        return Err(ProviderError::Unavailable(format!("it answers {status}")));
    }
    read(&response).map(Err)
}

pub(crate) fn away(error: &HttpError) -> ProviderError {
    match error {
        HttpError::Plain(_) => ProviderError::Misconfigured(error.to_string()),
        _ => ProviderError::Unavailable(error.to_string()),
    }
}

fn request(
    endpoint: &str,
    credentials: &Credentials<'_>,
    fields: &[(&str, &str)],
) -> Result<Request<Vec<u8>>, ProviderError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(endpoint)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match credentials.client_secret {
        Some(secret) if !credentials.in_form => {
            request = request.header(AUTHORIZATION, basic(credentials.client_id, secret)?);
        }
        secret => {
            form.append_pair("client_id", credentials.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret);
            }
        }
    }
    let built = request.body(form.finish().into_bytes());
    built.map_err(|error| away(&HttpError::Request(error.to_string())))
}

/// Name and secret are written as in a form before they are joined (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, ProviderError> {
    let part = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let joined = format!("{}:{}", part(client_id), part(secret));
    let mut header = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(joined)))
        .map_err(|error| away(&HttpError::Request(error.to_string())))?;
    header.set_sensitive(true);
    Ok(header)
}

fn read<T: DeserializeOwned>(response: &Response<Vec<u8>>) -> Result<T, ProviderError> {
    serde_json::from_slice(response.body()).map_err(|error| {
        let status = response.status();
        ProviderError::Unavailable(format!("its answer ({status}) cannot be read: {error}"))
    })
}

impl Refused {
    /// As the port says it. What stays for a caller to tell apart is asked for before.
    pub(crate) fn into_error(self) -> ProviderError {
        let word = self.error.as_str();
        match word {
            "invalid_grant" | "expired_token" => ProviderError::Expired,
            "access_denied" | "authorization_declined" => ProviderError::Denied(self.words()),
            "server_error" | "temporarily_unavailable" => ProviderError::Unavailable(self.words()),
            _ => ProviderError::Misconfigured(self.words()),
        }
    }

    fn words(&self) -> String {
        let both = match self.error_description.as_str() {
            "" => self.error.clone(),
            description => format!("{}: {description}", self.error),
        };
        printable(&both)
    }
}

/// Somebody else's words, fit for a log: short and on one line.
pub(crate) fn printable(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(MOST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(secret: Option<&'static str>, in_form: bool) -> Credentials<'static> {
        Credentials {
            client_id: "p t:s",
            client_secret: secret,
            in_form,
        }
    }

    #[test]
    fn a_secret_goes_into_the_header_or_the_form_and_never_into_both() {
        let check = |secret, in_form, header: Option<&str>, body: &str| {
            let fields = [("code", "a b")];
            let sent = request("https://h/token", &credentials(secret, in_form), &fields).unwrap();
            let found = sent.headers().get(AUTHORIZATION);
            assert_eq!(found.map(|value| value.to_str().unwrap()), header);
            assert_eq!(String::from_utf8_lossy(sent.body()), body);
        };
        // p%20t%3As:%26
        let header = "Basic cCUyMHQlM0FzOiUyNg==";
        check(Some("&"), false, Some(header), "code=a+b");
        let body = "code=a+b&client_id=p+t%3As&client_secret=%26";
        check(Some("&"), true, None, body);
        check(None, false, None, "code=a+b&client_id=p+t%3As");
    }

    #[test]
    fn a_refusal_is_told_apart_by_its_word() {
        let check = |word: &str, expected: ProviderError| {
            let refused = Refused {
                error: word.to_owned(),
                error_description: "as\nit is".into(),
            };
            assert_eq!(refused.into_error(), expected);
        };
        check("invalid_grant", ProviderError::Expired);
        check("expired_token", ProviderError::Expired);
        let denied = ProviderError::Denied("access_denied: asit is".into());
        check("access_denied", denied);
        let away = ProviderError::Unavailable("server_error: asit is".into());
        check("server_error", away);
        let wrong = ProviderError::Misconfigured("invalid_client: asit is".into());
        check("invalid_client", wrong);
    }
}
