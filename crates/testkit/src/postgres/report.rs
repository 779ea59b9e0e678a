//! Saying which database a test binary really used: once on stderr, and in the report that the
//! test task reads. A suite that skipped its database in silence would look like one that passed.

use std::fs::OpenOptions;
use std::io::Write;
use std::{env, process};

/// Says what this process uses (or skips): `kind` is `container`, `local` or `skipped`.
pub(super) fn say(kind: &str, database: &str, more: &str) {
    let suite = suite();
    eprintln!("{suite}: PostgreSQL: {kind} {database}{more}");
    let Some(file) = env::var_os("PTS_TEST_REPORT").filter(|file| !file.is_empty()) else {
        return;
    };
    // One write of one line: test binaries that run side by side do not mix theirs.
    let line = format!("{kind} {database} {suite}\n");
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&file)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        eprintln!("{suite}: cannot write to {}: {error}", file.display());
        process::exit(101);
    }
}

/// The crate whose tests run, as cargo tells its test binaries.
fn suite() -> String {
    env::var("CARGO_PKG_NAME").unwrap_or_else(|_| {
        let program = env::current_exe().unwrap_or_default();
        let name = program
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.is_empty() {
            "tests".to_owned()
        } else {
            name
        }
    })
}
