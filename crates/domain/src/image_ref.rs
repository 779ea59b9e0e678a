//! Container image references taken apart: `registry/name:tag@sha256:…`.

/// The parts of an image reference, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// Registry and repository, such as `ghcr.io/acme/payments`.
    pub name: &'a str,
    /// The tag, if one is named.
    pub tag: Option<&'a str>,
    /// The content digest, such as `sha256:…`, if one is named.
    pub digest: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    /// Splits a reference. A bare digest has an empty name. Nothing is refused: a text without a
    /// tag or digest is all name.
    pub fn split(text: &'a str) -> Self {
        if text.starts_with("sha256:") || text.starts_with("sha512:") {
            return Self {
                name: "",
                tag: None,
                digest: Some(text),
            };
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a registry's port, not to a tag.
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        match rest[after_slash..].find(':') {
            Some(colon) => {
                let colon = after_slash + colon;
                Self {
                    name: &rest[..colon],
                    tag: Some(&rest[colon + 1..]),
                    digest,
                }
            }
            None => Self {
                name: rest,
                tag: None,
                digest,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_into_name_tag_and_digest() {
        let check = |text, name, tag, digest| {
            assert_eq!(
                ImageRef::split(text),
                ImageRef { name, tag, digest },
                "{text}"
            );
        };
        check("payments", "payments", None, None);
        check("acme/payments:1.2", "acme/payments", Some("1.2"), None);
        check(
            "localhost:5000/payments",
            "localhost:5000/payments",
            None,
            None,
        );
        check(
            "localhost:5000/p:1@sha256:ab",
            "localhost:5000/p",
            Some("1"),
            Some("sha256:ab"),
        );
        check("sha256:abcd", "", None, Some("sha256:abcd"));
    }
}
