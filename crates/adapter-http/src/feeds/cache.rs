//! Whether somebody has seen this version already: by its digest, which is exact; by the moment of
//! its last change where that is certain.

use actix_web::http::header::Header as _;
use actix_web::http::header::{self, HeaderValue, HttpDate, IfModifiedSince};
use actix_web::{HttpRequest, HttpResponseBuilder};
use pts_domain::Timestamp;
use sha2::{Digest as _, Sha256};

/// Names a version of a document.
pub(super) struct Version {
    tag: String,
    /// In whole seconds, none of which has changes still to come.
    modified: Option<i64>,
}

impl Version {
    /// The version of this body; `changed` is when it last did, where that is known.
    pub(super) fn of(body: &str, changed: Option<Timestamp>, now: Timestamp) -> Self {
        let digest = Sha256::digest(body.as_bytes());
        let digest = hex::encode(&digest[..12]);
        let modified = changed
            .map(|at| at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0))
            // A second that is not over may change again, and would then be no name for a version.
            .filter(|second| *second < now.timestamp());
        Self {
            // Weak: the same document may travel compressed.
            tag: format!("W/\"{digest}\""),
            modified,
        }
    }

    pub(super) fn write(&self, response: &mut HttpResponseBuilder) {
        response
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .insert_header((header::VARY, "authorization, cookie"));
        if let Some(date) = self.modified.and_then(http_date) {
            response.insert_header((header::LAST_MODIFIED, date.to_string()));
        }
    }

    /// Whether whoever asks has this version. `If-None-Match` alone decides where it is sent.
    pub(super) fn is_known(&self, req: &HttpRequest) -> bool {
        let mut tags = req.headers().get_all(header::IF_NONE_MATCH).peekable();
        if tags.peek().is_some() {
            return tags.any(|tags| self.is_among(tags));
        }
        let (Some(modified), Ok(since)) = (self.modified, IfModifiedSince::parse(req)) else {
            return false;
        };
        http_date(modified).is_some_and(|modified| modified <= since.0)
    }

    fn is_among(&self, tags: &HeaderValue) -> bool {
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let tags = tags.to_str().unwrap_or_default();
        tags.trim() == "*" || tags.split(',').any(|tag| bare(tag) == bare(&self.tag))
    }
}

fn http_date(seconds: i64) -> Option<HttpDate> {
    let since_1970 = std::time::Duration::from_secs(u64::try_from(seconds).ok()?);
    Some(HttpDate::from(
        std::time::UNIX_EPOCH.checked_add(since_1970)?,
    ))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(1_772_000_000_000 + millis).unwrap()
    }

    fn known(version: &Version, headers: &[(&str, &str)]) -> bool {
        let req = headers
            .iter()
            .fold(TestRequest::get(), |req, pair| req.insert_header(*pair));
        version.is_known(&req.to_http_request())
    }

    #[test]
    fn a_version_is_known_by_its_tag_before_its_date() {
        let version = Version::of("body", Some(at(500)), at(60_000));
        let tag = version.tag.clone();
        let date = http_date(at(1_000).timestamp()).unwrap().to_string();
        assert!(!known(&version, &[]));
        assert!(known(&version, &[("if-none-match", &tag)]));
        assert!(known(
            &version,
            &[("if-none-match", &format!("\"x\", {}", &tag[2..]))]
        ));
        assert!(known(&version, &[("if-none-match", "*")]));
        assert!(known(&version, &[("if-modified-since", &date)]));
        let both = [
            ("if-none-match", "\"x\""),
            ("if-modified-since", date.as_str()),
        ];
        assert!(!known(&version, &both));
        let earlier = http_date(at(0).timestamp()).unwrap().to_string();
        assert!(!known(&version, &[("if-modified-since", &earlier)]));
        assert!(!known(&version, &[("if-modified-since", "yesterday")]));
    }

    #[test]
    fn a_second_that_is_not_over_names_no_version() {
        let check = |changed, now, expected| {
            let version = Version::of("body", changed, now);
            assert_eq!(version.modified.is_some(), expected);
        };
        check(Some(at(500)), at(700), false);
        check(Some(at(500)), at(1_000), false);
        check(Some(at(500)), at(2_000), true);
        check(None, at(2_000), false);
    }
}
