//! What a panic says. Its message may hold what a request held, so it is masked like an event before it
//! is logged, and cut short.

use std::panic::PanicHookInfo;

use pts_domain::masking::Masker;

/// Letters of a message that are told.
const LONGEST: usize = 300;

/// From now on, panics are logged like everything else.
pub(crate) fn log_masked() {
    let masker = Masker::usual();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.as_deref().unwrap_or("somewhere");
        let said = told(&masker, message(panic));
        tracing::error!(place, said, "a panic");
    }));
}

fn message<'p>(panic: &'p PanicHookInfo<'_>) -> &'p str {
    panic
        .payload_as_str()
        .unwrap_or("something that is no text")
}

fn told(masker: &Masker, message: &str) -> String {
    let masked = masker.text(message).map(|masked| masked.text);
    let said = masked.as_deref().unwrap_or(message);
    said.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_says_is_masked_and_cut_short() {
        let masker = Masker::usual();
        let token = "pts_0123456789abcdef0123456789abcdef01234567_0a1b2c3d";
        let said = told(
            &masker,
            &format!("called `unwrap()` on `{{\"password\": \"hunter2\"}}` {token}"),
        );
        assert!(
            !said.contains("hunter2") && !said.contains("0123456789"),
            "{said}"
        );
        assert!(said.contains("called `unwrap()`"), "{said}");
        assert_eq!(told(&masker, &"x".repeat(1_000)).len(), LONGEST);
    }
}
