//! `ts/pts.ts` holds the contract as TypeScript, as the declarations have it. `cargo xtask types`
//! rewrites it (`UPDATE_DOCS=1` does).

mod contract;
mod typescript;

use std::path::Path;

#[test]
fn the_types_are_as_the_actions_are_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ts/pts.ts");
    let written = contract::typescript();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == written, "run `cargo xtask types`");
}
