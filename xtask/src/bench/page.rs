//! The page the figures are kept on. A scenario owns what stands between its two markers; all
//! else is written by people.

use anyhow::{Result, bail};

/// The page before the first measurement.
pub(crate) const EMPTY: &str = "# Benchmarks\n\nWhat stands between markers is written by \
                                `cargo xtask bench NAME`.\n";

/// The page with the section of `name` holding `body`; one that is not there is added at the end.
pub(crate) fn replace(page: &str, name: &str, body: &str) -> Result<String> {
    let (open, close) = (
        format!("<!-- bench:{name} -->"),
        format!("<!-- /bench:{name} -->"),
    );
    let section = format!("{open}\n{}\n{close}", body.trim_end());
    let places = |mark: &str| {
        page.match_indices(mark)
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    match (places(&open).as_slice(), places(&close).as_slice()) {
        ([], []) => Ok(format!("{}\n\n## {name}\n\n{section}\n", page.trim_end())),
        (&[start], &[end]) if start < end => Ok(format!(
            "{}{section}{}",
            &page[..start],
            &page[end + close.len()..]
        )),
        (opens, closes) => bail!(
            "expected `{open}` once and `{close}` once after it; found {} and {}",
            opens.len(),
            closes.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Benchmarks\n\nWords.\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\
                        \nMore words.\n\n<!-- bench:ab -->\nother\n<!-- /bench:ab -->\n";

    #[test]
    fn only_the_section_of_the_scenario_changes() {
        let page = replace(PAGE, "a", "new\n").expect("markers are there");
        assert_eq!(page, PAGE.replace("old", "new"));
    }

    #[test]
    fn replacing_twice_is_replacing_once() {
        let once = replace(PAGE, "c", "first").expect("a section is added");
        assert!(
            once.ends_with("## c\n\n<!-- bench:c -->\nfirst\n<!-- /bench:c -->\n"),
            "{once}"
        );
        assert_eq!(replace(&once, "c", "first").expect("and replaced"), once);
    }

    #[test]
    fn markers_out_of_order_are_not_guessed_about() {
        for page in [
            "<!-- bench:a -->\n",
            "<!-- /bench:a -->\n<!-- bench:a -->\n",
            "<!-- bench:a -->\n<!-- bench:a -->\n<!-- /bench:a -->\n",
        ] {
            assert!(replace(page, "a", "x").is_err(), "{page}");
        }
    }
}
