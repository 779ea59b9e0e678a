//! Laws that hold for any input at all. The number of cases is small enough for the whole binary to
//! take seconds; `PROPTEST_CASES` makes it larger.

mod accounts;
mod folding;
mod order;
mod reading;
mod texts;

use proptest::prelude::ProptestConfig;

/// So many cases, unless the environment asks for another number.
fn cases(cases: u32) -> ProptestConfig {
    let config = ProptestConfig {
        // Failures are told with the input that shows them; no file is left in the sources.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, ..config },
    }
}
