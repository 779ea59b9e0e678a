//! RFC 4287. What a feed says depends on what happened alone, so that the same state is the same bytes.

use std::io;

use chrono::{DateTime, SecondsFormat};
use pts_domain::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::item::Item;

/// A feed of these items. `name` tells it from other feeds, `here` is where it was asked for.
pub(super) fn document(title: &str, name: &str, here: &str, items: &[Item]) -> String {
    // Nothing has changed since before anything happened.
    let newest = items.iter().map(|item| item.updated).max();
    let updated = newest.unwrap_or(DateTime::UNIX_EPOCH);
    let mut out = Writer::new(Vec::new());
    // Writing to memory cannot fail.
    let _ = feed(&mut out, title, name, here, updated, items);
    String::from_utf8(out.into_inner()).unwrap_or_default()
}

type Out = Writer<Vec<u8>>;

fn feed(
    out: &mut Out,
    title: &str,
    name: &str,
    here: &str,
    updated: Timestamp,
    items: &[Item],
) -> io::Result<()> {
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    out.create_element("feed")
        .with_attribute(("xmlns", "http://www.w3.org/2005/Atom"))
        .write_inner_content(|out| {
            element(
                out,
                "id",
                &format!("urn:pts:feed:{}", name.trim_start_matches('/')),
            )?;
            element(out, "title", title)?;
            element(out, "updated", &moment(updated))?;
            link(out, "self", here)?;
            out.create_element("author")
                .write_inner_content(|out| element(out, "name", "Platform Telemetry Service"))?;
            element(out, "generator", "pts")?;
            items.iter().try_for_each(|item| entry(out, item))
        })?;
    Ok(())
}

fn entry(out: &mut Out, item: &Item) -> io::Result<()> {
    out.create_element("entry").write_inner_content(|out| {
        element(out, "id", &item.id)?;
        element(out, "title", &item.title)?;
        element(out, "published", &moment(item.start))?;
        element(out, "updated", &moment(item.updated))?;
        for category in &item.categories {
            let term = legal(category);
            out.create_element("category")
                .with_attribute(("term", term.as_str()))
                .write_empty()?;
        }
        if let Some(url) = &item.url {
            link(out, "alternate", url)?;
        }
        element(out, "content", &item.text)
    })?;
    Ok(())
}

fn element(out: &mut Out, name: &str, text: &str) -> io::Result<()> {
    let text = legal(text);
    out.create_element(name)
        .write_text_content(BytesText::new(&text))?;
    Ok(())
}

fn link(out: &mut Out, rel: &str, to: &str) -> io::Result<()> {
    let to = legal(to);
    out.create_element("link")
        .with_attribute(("rel", rel))
        .with_attribute(("href", to.as_str()))
        .write_empty()?;
    Ok(())
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Without the characters that XML has no way to write.
fn legal(text: &str) -> String {
    let legal = |letter: &char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(legal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_write_is_left_out() {
        assert_eq!(legal("a\u{1}b\u{fffe}c\nd\u{1f600}"), "abc\nd\u{1f600}");
    }
}
