//! Versions are stated once, in the workspace's manifest. Cargo's metadata no longer tells an
//! inherited version from a repeated one, so the manifests are read as text.

use super::Problem;

/// True for the manifest of a member of the workspace.
pub(crate) fn is_member(path: &str) -> bool {
    path.ends_with("/Cargo.toml") && (path.starts_with("crates/") || path.starts_with("xtask/"))
}

/// Dependencies that state a version, path or source of their own.
pub(crate) fn check(manifests: &[(String, String)]) -> Vec<Problem> {
    manifests
        .iter()
        .flat_map(|(path, text)| {
            own_versions(text)
                .into_iter()
                .map(move |(line, entry)| Problem {
                    place: format!("{path}:{line}"),
                    found: format!("`{entry}`"),
                    expected:
                        "`name.workspace = true`, or `workspace = true` beside its features, \
                           and the version in the root Cargo.toml"
                            .into(),
                    why: "one version of a library in the house, raised in one place",
                })
        })
        .collect()
}

/// Where in a manifest the reader is.
enum Section {
    /// Not about dependencies.
    Other,
    /// `[dependencies]` and its like: each entry is a dependency.
    Many,
    /// `[dependencies.name]`, from this line: its keys describe one dependency.
    One(usize, String, bool),
}

fn own_versions(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut section = Section::Other;
    for (line, entry) in entries(manifest) {
        if let Some(header) = entry.strip_prefix('[') {
            close(&section, &mut found);
            section = section_of(header.trim_end_matches(']'), line, &entry);
            continue;
        }
        match &mut section {
            Section::Other => {}
            Section::Many if inherits(&entry) => {}
            Section::Many => found.push((line, entry)),
            Section::One(_, _, inherited) => *inherited |= entry.replace(' ', "") == INHERITED,
        }
    }
    close(&section, &mut found);
    found
}

const INHERITED: &str = "workspace=true";

fn close(section: &Section, found: &mut Vec<(usize, String)>) {
    if let Section::One(line, header, false) = section {
        found.push((*line, header.clone()));
    }
}

fn section_of(header: &str, line: usize, entry: &str) -> Section {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let header = header.trim();
    // What follows the condition of `target.'cfg(unix)'.dependencies`; a condition has no `'`.
    let header = match header.strip_prefix("target.") {
        Some(rest) => rest.rsplit_once("'.").map_or(rest, |(_, kind)| kind),
        None => header,
    };
    match header.split_once('.') {
        None if KINDS.contains(&header) => Section::Many,
        Some((kind, _)) if KINDS.contains(&kind) => Section::One(line, entry.to_owned(), false),
        _ => Section::Other,
    }
}

fn inherits(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    if key.trim().ends_with(".workspace") {
        return value == "true";
    }
    value
        .trim_matches(['{', '}'])
        .split(',')
        .any(|part| part == INHERITED)
}

/// Headers and entries with the line they start on; comments are gone, and an entry whose braces
/// or brackets stay open takes the lines that follow.
fn entries(manifest: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let mut open = 0;
    for (index, line) in manifest.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        match entries.last_mut() {
            Some((_, entry)) if open > 0 => {
                entry.push(' ');
                entry.push_str(line);
            }
            _ => entries.push((index + 1, line.to_owned())),
        }
        open += line.matches(['{', '[']).count();
        open = open.saturating_sub(line.matches(['}', ']']).count());
    }
    entries
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_dependencies_are_fine_in_all_their_forms() {
        let manifest = r#"
[package]
version = "1.0.0" # not a dependency
[dependencies]
a.workspace = true
b = { workspace = true, features = ["x", "y"] }
c = { features = [
    "x", # one a line
], workspace = true, optional = true }
[dev-dependencies.d]
features = ["x"]
workspace = true
[target.'cfg(target_os = "linux")'.dependencies]
e.workspace = true
[features]
x = ["dep:c"]
"#;
        assert_eq!(own_versions(manifest), []);
    }

    #[test]
    fn a_version_path_or_source_of_its_own_is_caught() {
        for (manifest, line) in [
            ("[dependencies]\na.workspace = true\nb = \"1\"\n", 3),
            (
                "[dev-dependencies]\nb = { version = \"1\", features = [\"workspace\"] }\n",
                2,
            ),
            ("[build-dependencies]\nb = { path = \"../b\" }\n", 2),
            ("[target.'cfg(unix)'.dependencies]\nb = \"1\"\n", 2),
            ("[dependencies.b]\nversion = \"1\"\n[features]\n", 1),
            ("[dependencies.b]\ngit = \"x\"\n", 1),
        ] {
            let found = own_versions(manifest);
            assert_eq!(found.len(), 1, "{manifest}");
            assert_eq!(found[0].0, line, "{manifest}");
        }
    }

    #[test]
    fn the_root_manifest_is_the_one_place_for_versions() {
        assert!(is_member("crates/api/Cargo.toml") && is_member("xtask/Cargo.toml"));
        assert!(!is_member("Cargo.toml"));
    }
}
