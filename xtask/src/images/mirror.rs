//! Which Debian mirror this machine already trusts: the one its apt is configured with.
//! A machine that reaches packages only through its own mirror can build images as well.

use std::{fs, path::Path};

/// Used when apt names no Debian archive (another distribution, a stripped container).
pub(crate) const PUBLIC: &str = "http://deb.debian.org/debian";

/// Suites of the main archive; `bookworm-security` and its like live in another archive.
const SUITES: &[&str] = &[
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// The mirror of the Debian main archive in `etc_apt` (normally `/etc/apt`), if one is named there.
///
/// Files are read in the order apt reads them: `sources.list`, then `sources.list.d` by name.
/// An unreadable file counts as absent: apt itself would not have used it.
pub(crate) fn configured(etc_apt: &Path) -> Option<String> {
    let mut parts: Vec<_> = fs::read_dir(etc_apt.join("sources.list.d"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    parts.sort();
    parts.insert(0, etc_apt.join("sources.list"));
    parts.iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        match path.extension()?.to_str()? {
            "list" => one_line(&text),
            "sources" => deb822(&text),
            _ => None,
        }
    })
}

/// `deb [options] uri suite component...`
fn one_line(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let entry = line.split('#').next()?.trim().strip_prefix("deb")?;
        if !entry.starts_with(char::is_whitespace) {
            return None; // deb-src
        }
        let mut rest = entry.trim_start();
        if rest.starts_with('[') {
            rest = rest.split_once(']')?.1;
        }
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        usable(&[uri], &[suite], &words.collect::<Vec<_>>())
    })
}

/// Stanzas of `Field: value` lines, parted by empty lines; a continuation line starts with a space.
fn deb822(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .find_map(|stanza| {
            let words = |name: &str| -> Vec<&str> {
                let mut inside = false;
                let mut words = Vec::new();
                for line in stanza {
                    let value = if line.starts_with(char::is_whitespace) {
                        line
                    } else {
                        let (field, value) = line.split_once(':').unwrap_or((line, ""));
                        inside = field.trim().eq_ignore_ascii_case(name);
                        value
                    };
                    if inside {
                        words.extend(value.split_whitespace());
                    }
                }
                words
            };
            let switched_off = words("Enabled")
                .first()
                .is_some_and(|v| v.eq_ignore_ascii_case("no"));
            if switched_off || !words("Types").contains(&"deb") {
                return None;
            }
            usable(&words("URIs"), &words("Suites"), &words("Components"))
        })
}

/// The first address debootstrap can fetch from, when the entry is Debian's main archive.
fn usable(uris: &[&str], suites: &[&str], components: &[&str]) -> Option<String> {
    let debian = suites.iter().any(|suite| SUITES.contains(suite)) && components.contains(&"main");
    let fetchable = |uri: &&&str| {
        ["http://", "https://", "file:///"]
            .iter()
            .any(|scheme| uri.starts_with(scheme))
    };
    uris.iter()
        .find(fetchable)
        .filter(|_| debian)
        .map(|uri| uri.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files by name and text.
    type Files<'a> = &'a [(&'a str, &'a str)];

    /// Writes `files` below a fresh `sources.list` tree and asks which mirror they name.
    fn mirror_of(files: Files) -> Option<String> {
        let etc_apt = tempfile::tempdir().unwrap();
        fs::create_dir(etc_apt.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(etc_apt.path().join(name), text).unwrap();
        }
        configured(etc_apt.path())
    }

    #[test]
    fn the_main_archive_is_found_among_other_sources() {
        let cases: &[(Files, Option<&str>)] = &[
            (&[], None),
            (
                &[(
                    "sources.list",
                    "deb http://one.example/debian/ bookworm main contrib\n",
                )],
                Some("http://one.example/debian"),
            ),
            (
                &[(
                    "sources.list",
                    "# deb http://off.example/debian bookworm main\n\
                     deb-src http://source.example/debian bookworm main\n\
                     deb http://security.example/debian-security bookworm-security main\n\
                     deb cdrom:[Debian 12] bookworm main\n\
                     deb [arch=amd64 signed-by=/k.gpg] https://two.example/d trixie main # ours\n",
                )],
                Some("https://two.example/d"),
            ),
            (
                &[(
                    "sources.list.d/debian.sources",
                    "Types: deb\nURIs: http://security.example/d\nSuites: bookworm-security\n\
                     Components: main\n\nTypes: deb deb-src\n# a comment\nURIs: cdrom:x\n \
                     http://three.example/debian\nSuites: bookworm bookworm-updates\n\
                     Components: main\nSigned-By: /k.gpg\n",
                )],
                Some("http://three.example/debian"),
            ),
            (
                &[(
                    "sources.list.d/debian.sources",
                    "Enabled: no\nTypes: deb\nURIs: http://off.example/d\nSuites: bookworm\n\
                     Components: main\n",
                )],
                None,
            ),
            (
                &[
                    (
                        "sources.list.d/cloud.list",
                        "deb https://cloud.example/apt sdk-bookworm main\n",
                    ),
                    (
                        "sources.list.d/ubuntu.list",
                        "deb http://u.example/ubuntu noble main\n",
                    ),
                    (
                        "sources.list.d/x.list.save",
                        "deb http://saved.example/d bookworm main\n",
                    ),
                ],
                None,
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(mirror_of(files).as_deref(), *expected, "{files:?}");
        }
    }
}
