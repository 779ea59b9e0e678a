//! `ts/pts.ts` and `ts/pts/` hold the contract as TypeScript, as the declarations have it.
//! `cargo xtask types` rewrites them (`UPDATE_DOCS=1` does).

mod contract;
mod shapes;
mod typescript;

use std::collections::BTreeMap;
use std::path::Path;

/// The contract's files as they are, by their paths under `ts/`.
fn found(ts: &Path) -> BTreeMap<String, String> {
    let rooms = std::fs::read_dir(ts.join("pts")).into_iter().flatten();
    let rooms = rooms.map(|room| format!("pts/{}", room.unwrap().file_name().display()));
    let all = rooms.chain(["pts.ts".to_owned()]);
    all.map(|path| {
        let text = std::fs::read_to_string(ts.join(&path)).unwrap_or_default();
        (path, text)
    })
    .collect()
}

fn write(ts: &Path, files: &BTreeMap<String, String>) {
    for old in found(ts).keys().filter(|path| !files.contains_key(*path)) {
        std::fs::remove_file(ts.join(old)).unwrap();
    }
    std::fs::create_dir_all(ts.join("pts")).unwrap();
    for (path, text) in files {
        std::fs::write(ts.join(path), text).unwrap();
    }
}

#[test]
fn the_types_are_as_the_actions_are_declared() {
    let ts = Path::new(env!("CARGO_MANIFEST_DIR")).join("ts");
    let written = contract::files();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        write(&ts, &written);
    }
    assert!(found(&ts) == written, "run `cargo xtask types`");
}
