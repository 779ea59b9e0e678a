//! As much of Markdown as it takes to find links and headings; code is left out.

use std::collections::BTreeSet;

/// The links of a page, and the names its headings are linked by.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) links: Vec<Link>,
    pub(crate) anchors: BTreeSet<String>,
}

/// A link and the line it stands on, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
}

impl Page {
    /// What a link to a heading could have meant.
    pub(crate) fn nearest(&self, heading: &str) -> String {
        let close: Vec<String> = self
            .anchors
            .iter()
            .filter(|anchor| anchor.contains(heading) || heading.contains(anchor.as_str()))
            .map(|anchor| format!("#{anchor}"))
            .collect();
        if close.is_empty() {
            "the name of a heading: lower case, spaces as `-`".into()
        } else {
            format!("perhaps {}", close.join(" or "))
        }
    }

    fn add_heading(&mut self, heading: &str) {
        let name = slug(heading);
        // A heading that repeats gets a number, as the forges do it.
        let mut anchor = name.clone();
        let mut repeats = 0;
        while self.anchors.contains(&anchor) {
            repeats += 1;
            anchor = format!("{name}-{repeats}");
        }
        self.anchors.insert(anchor);
    }
}

/// Reads a page.
pub(crate) fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let opens = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, opens) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            (Some(_), _) => {}
            (None, None) => read_line(&mut page, index + 1, line),
        }
    }
    page
}

fn read_line(page: &mut Page, line: usize, text: &str) {
    if let Some(heading) = heading(text) {
        page.add_heading(heading);
    }
    let text = without_code(text);
    let mut targets = inline_targets(&text);
    targets.extend(definition(&text));
    for attribute in ["src=\"", "href=\""] {
        targets.extend(attributes(&text, attribute));
    }
    page.links
        .extend(targets.into_iter().map(|target| Link { line, target }));
    for attribute in ["id=\"", "name=\""] {
        page.anchors.extend(attributes(&text, attribute));
    }
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    ((1..=6).contains(&level) && rest.starts_with(' '))
        .then(|| rest.trim().trim_end_matches('#').trim_end())
}

/// The name a heading is linked by: lower case, spaces as `-`, punctuation gone.
fn slug(heading: &str) -> String {
    link_texts(heading)
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c => c.is_alphanumeric().then_some(c),
        })
        .collect()
}

/// `[text](target)` as `text`.
fn link_texts(heading: &str) -> String {
    let mut text = heading.to_owned();
    while let Some(at) = text.find("](") {
        let end = text[at..].find(')').map_or(text.len(), |end| at + end + 1);
        text.replace_range(at..end, "");
        if let Some(open) = text[..at].rfind('[') {
            text.remove(open);
        }
    }
    text
}

/// The line with its code spans blanked out.
fn without_code(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('`') {
        let ticks = rest[open..].len() - rest[open..].trim_start_matches('`').len();
        let mark = &rest[open..open + ticks];
        let inside = &rest[open + ticks..];
        text.push_str(&rest[..open]);
        if let Some(close) = inside.find(mark) {
            text.push(' ');
            rest = &inside[close + ticks..];
        } else {
            text.push_str(mark);
            rest = inside;
        }
    }
    text + rest
}

/// `target` in `[text](target "title")` and `[text](<target>)`.
fn inline_targets(text: &str) -> Vec<String> {
    text.match_indices("](")
        .filter_map(|(at, mark)| {
            let rest = &text[at + mark.len()..];
            if let Some(rest) = rest.strip_prefix('<') {
                return Some(rest.split_once('>')?.0.to_owned());
            }
            let mut depth = 0;
            let end = rest.find(|c: char| {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                depth < 0 || c.is_whitespace()
            })?;
            Some(rest[..end].to_owned())
        })
        .filter(|target| !target.is_empty())
        .collect()
}

/// `target` in `[label]: target`.
fn definition(text: &str) -> Option<String> {
    let (label, rest) = text.trim_start().strip_prefix('[')?.split_once("]:")?;
    // `[^1]:` is a footnote.
    if label.starts_with('^') || label.contains(']') {
        return None;
    }
    rest.split_whitespace()
        .next()
        .map(|target| target.trim_matches(['<', '>']).to_owned())
}

fn attributes(text: &str, attribute: &str) -> Vec<String> {
    text.match_indices(attribute)
        .filter(|(at, _)| text[..*at].ends_with(' '))
        .filter_map(|(at, _)| Some(text[at + attribute.len()..].split_once('"')?.0.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        parse(text)
            .links
            .into_iter()
            .map(|link| link.target)
            .collect()
    }

    #[test]
    fn links_are_found_in_all_their_forms() {
        let text = "[a](one.md) ![b](two.png \"a title\") [c](<three four.md>) [d](f(1).md)\n\
                    [label]: five.md 'title'\n<a href=\"six.md\"><img src=\"seven.svg\"></a>\n";
        assert_eq!(
            targets(text),
            [
                "one.md",
                "two.png",
                "three four.md",
                "f(1).md",
                "five.md",
                "seven.svg",
                "six.md"
            ]
        );
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](one.md)` ``[b](`two.md)``\n```md\n[c](three.md)\n# Not a heading\n```\n\
                    ~~~\n```\n[d](four.md)\n~~~\n[e](five.md)\n[^1]: six.md\n";
        let page = parse(text);
        assert_eq!(targets(text), ["five.md"]);
        assert!(page.anchors.is_empty(), "{:?}", page.anchors);
    }

    #[test]
    fn a_link_knows_its_line() {
        let page = parse("one\n\n[a](b.md)\n");
        assert_eq!(
            page.links,
            [Link {
                line: 3,
                target: "b.md".into()
            }]
        );
    }

    #[test]
    fn headings_are_linked_by_their_slug() {
        for (heading, anchor) in [
            ("# Five minutes", "five-minutes"),
            ("## What `pts-server` does", "what-pts-server-does"),
            ("### 1. Words, and more", "1-words-and-more"),
            ("## A [link](x.md) in it", "a-link-in-it"),
            ("## Closed ##", "closed"),
            ("## snake_case", "snake_case"),
        ] {
            assert!(
                parse(heading).anchors.contains(anchor),
                "{heading}: {:?}",
                parse(heading)
            );
        }
        assert!(parse("#no heading\n####### nor this").anchors.is_empty());
    }

    #[test]
    fn a_repeated_heading_gets_a_number() {
        let page = parse("# A\n# A\n# A\n<a id=\"own\"></a>\n<a name=\"old\">");
        assert_eq!(
            page.anchors.iter().collect::<Vec<_>>(),
            ["a", "a-1", "a-2", "old", "own"]
        );
    }
}
