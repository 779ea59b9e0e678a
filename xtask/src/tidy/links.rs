//! Links between pages, to files and to headings. A link that leads nowhere is found here and not
//! by a reader.

mod markdown;

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use markdown::Page;

/// The links in `pages` (path and text) that lead to no file in `files` and to no heading.
pub(crate) fn check(pages: &[(String, String)], files: &[String]) -> Vec<Problem> {
    let places = places(files);
    let parsed: BTreeMap<&str, Page> = pages
        .iter()
        .map(|(path, text)| (path.as_str(), markdown::parse(text)))
        .collect();
    let mut problems = Vec::new();
    for (path, page) in &parsed {
        for link in page.links.iter().filter(|link| !leads_out(&link.target)) {
            if let Err((found, expected)) = follow(path, &link.target, &places, &parsed) {
                problems.push(Problem {
                    place: format!("{path}:{}", link.line),
                    found: format!("`{}`: {found}", link.target),
                    expected,
                    why: "a reader follows it",
                });
            }
        }
    }
    problems
}

/// Files and the directories they are in.
fn places(files: &[String]) -> BTreeSet<&str> {
    let above =
        |path| std::iter::successors(Some(path), |path: &&str| Some(path.rsplit_once('/')?.0));
    files.iter().flat_map(|path| above(path.as_str())).collect()
}

/// True for what is not a place in this repository (`https:`, `mailto:`).
fn leads_out(target: &str) -> bool {
    target.starts_with("//")
        || target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '+')
        })
}

fn follow(
    from: &str,
    target: &str,
    places: &BTreeSet<&str>,
    pages: &BTreeMap<&str, Page>,
) -> Result<(), (String, String)> {
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    let path = if path.is_empty() {
        Some(from.to_owned())
    } else {
        resolve(from, path)
    };
    let Some(path) = path else {
        return Err(("leaves the repository".into(), "a path inside it".into()));
    };
    if !path.is_empty() && !places.contains(path.as_str()) {
        return Err((
            format!("there is no {path}"),
            "a file of the repository".into(),
        ));
    }
    match (heading, pages.get(path.as_str())) {
        (Some(heading), Some(page)) if !page.anchors.contains(heading) => {
            Err((format!("{path} has no such heading"), page.nearest(heading)))
        }
        _ => Ok(()),
    }
}

/// The path from the root that `target` means on the page `from`; `None` above the root.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let start = if target.starts_with('/') {
        ""
    } else {
        from.rsplit_once('/').map_or("", |(dir, _)| dir)
    };
    for part in start.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(page: &str) -> Vec<String> {
        let pages = [
            ("docs/here.md".to_owned(), page.to_owned()),
            ("README.md".to_owned(), "# The tour\n".to_owned()),
        ];
        let files = [
            "README.md",
            "docs/here.md",
            "docs/adr/0001-pure.md",
            "deploy/Dockerfile",
        ]
        .map(str::to_owned);
        check(&pages, &files)
            .into_iter()
            .map(|problem| problem.found)
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let page = "# Here\n[a](adr/0001-pure.md) [b](../README.md#the-tour) [c](#here) [d](adr) \
                    [e](../deploy/Dockerfile#L3) [f](/README.md) [g](https://example.org/x) \
                    [h](mailto:a@example.org) [i](..)";
        assert_eq!(problems(page), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_caught() {
        for (page, says) in [
            ("[a](adr/0002.md)", "there is no docs/adr/0002.md"),
            ("[a](../README.md#tour)", "no such heading"),
            ("[a](#there)", "no such heading"),
            ("[a](../../secret.md)", "leaves the repository"),
            ("![a](shot.png)", "there is no docs/shot.png"),
            ("[a]: gone.md", "there is no docs/gone.md"),
            ("<img src=\"gone.png\">", "there is no docs/gone.png"),
        ] {
            let found = problems(page);
            assert_eq!(found.len(), 1, "{page}");
            assert!(found[0].contains(says), "{page}: {found:?}");
        }
    }
}
