//! Which version of the protocol a message is in. Up to 2025-11-25 a client greets the server with
//! `initialize`; since then every request says its version itself, in its body and in headers that
//! must agree with it.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::frame::{Code, Fault, Request};

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
/// Where a request says its version, and what its client can do.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A version that is spoken here; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(&'static str);

/// The first with this transport: what a client speaks that names none.
const OLDEST: Version = Version("2025-03-26");
/// The last that begins with `initialize`.
const LAST_GREETED: Version = Version("2025-11-25");
/// The newest.
const NEWEST: Version = Version("2026-07-28");
/// All of them.
const SPOKEN: [Version; 4] = [OLDEST, Version("2025-06-18"), LAST_GREETED, NEWEST];

impl Version {
    /// Whether each request says everything about itself.
    pub(super) fn is_modern(self) -> bool {
        self > LAST_GREETED
    }

    /// Whether several messages may come as an array: the first version alone has that.
    pub(super) fn has_batches(self) -> bool {
        self == OLDEST
    }

    fn named(text: &str) -> Option<Self> {
        SPOKEN.into_iter().find(|version| version.0 == text)
    }

    /// The version that a greeting is answered with: the one that it names, or else the last of its
    /// kind, which the client may then decline.
    pub(super) fn greeted_with(text: &str) -> Self {
        Self::named(text)
            .filter(|version| !version.is_modern())
            .unwrap_or(LAST_GREETED)
    }

    /// The names of all that are spoken, the newest first.
    pub(super) fn spoken() -> Vec<&'static str> {
        SPOKEN.iter().rev().map(|version| version.0).collect()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The version of a message, by the header that its client must send.
///
/// # Errors
/// The version is not spoken here, or the header is missing or not the only one.
pub(super) fn of(headers: &HeaderMap, message: &Value) -> Result<Version, Fault> {
    let mut named = headers.get_all(VERSION);
    let Some(header) = named.next() else {
        // Before 2025-06-18 there was no such header; a body that names a version must have it.
        return match &message["params"]["_meta"][META_VERSION] {
            Value::Null => Ok(OLDEST),
            _ => Err(mismatch("MCP-Protocol-Version is missing")),
        };
    };
    if named.next().is_some() {
        return Err(mismatch("MCP-Protocol-Version is there twice"));
    }
    let text = header.to_str().unwrap_or_default();
    let version = Version::named(text).ok_or_else(|| {
        let spoken = Version::spoken();
        let detail = format!(
            "This version is not spoken here; spoken are {}.",
            spoken.join(", ")
        );
        Fault::new(Code::UnsupportedVersion, detail)
            .with_data(json!({ "supported": spoken, "requested": text }))
    })?;
    match message["params"]["_meta"][META_VERSION].as_str() {
        Some(said) if said != version.0 => Err(mismatch(
            "MCP-Protocol-Version and the body name different versions",
        )),
        _ => Ok(version),
    }
}

/// Checks what every request of the newest version says of itself.
///
/// # Errors
/// Something of it is missing, or the headers and the body say different things.
pub(super) fn check(headers: &HeaderMap, request: &Request) -> Result<(), Fault> {
    let nothing = Map::new();
    let meta = request.params.get("_meta").and_then(Value::as_object);
    let meta = meta.unwrap_or(&nothing);
    let place = |key: &str| format!("params._meta[\"{key}\"]");
    let version = meta.get(META_VERSION);
    if !version.is_some_and(Value::is_string) {
        let place = place(META_VERSION);
        return Err(Fault::misfit(&place, version, "the protocol's version"));
    }
    let capabilities = meta.get(META_CAPABILITIES);
    if !capabilities.is_some_and(Value::is_object) {
        let place = place(META_CAPABILITIES);
        return Err(Fault::misfit(&place, capabilities, "a JSON object"));
    }
    agrees(headers, METHOD, "Mcp-Method", &request.method)?;
    match request.params.get("name").and_then(Value::as_str) {
        Some(name) if request.method == "tools/call" => agrees(headers, NAME, "Mcp-Name", name),
        _ => Ok(()),
    }
}

fn agrees(headers: &HeaderMap, header: &str, shown: &str, body: &str) -> Result<(), Fault> {
    let mut values = headers.get_all(header);
    let said = values.next().and_then(decoded);
    if said.as_deref() == Some(body) && values.next().is_none() {
        return Ok(());
    }
    let what = if said.is_none() {
        "is missing or unreadable"
    } else {
        "and the body differ"
    };
    Err(mismatch(&format!("{shown} {what}")))
}

/// What a header says, which may be written as `=?base64?…?=`.
fn decoded(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let wrapped = text
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match wrapped {
        None => Some(text.to_owned()),
        Some(wrapped) => String::from_utf8(BASE64_STANDARD.decode(wrapped).ok()?).ok(),
    }
}

fn mismatch(what: &str) -> Fault {
    Fault::new(Code::HeaderMismatch, format!("Header mismatch: {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_answered_in_its_own_version_or_the_last_of_its_kind() {
        let check = |asked: &str, expected: &str| {
            assert_eq!(Version::greeted_with(asked).0, expected, "{asked}");
        };
        check("2025-03-26", "2025-03-26");
        check("2025-06-18", "2025-06-18");
        check("2024-11-05", "2025-11-25");
        check("2026-07-28", "2025-11-25");
        check("soon", "2025-11-25");
    }

    #[test]
    fn a_header_may_be_written_in_base64() {
        let check = |text: &'static str, expected: Option<&str>| {
            let said = decoded(&HeaderValue::from_static(text));
            assert_eq!(said.as_deref(), expected, "{text}");
        };
        check("tools/call", Some("tools/call"));
        check("=?base64?SGVsbG8sIOS4lueVjA==?=", Some("Hello, 世界"));
        check("=?base64?%?=", None);
        check("=?base64?/w==?=", None);
    }
}
