//! Tokens of our own in what is said about a request. Whoever pastes one into the wrong place is told
//! what is wrong with it, in an answer that others may read, too: the token is not repeated there.

use std::borrow::Cow;

use super::mask;

/// How every token begins.
const BEGIN: &str = "pts_";
/// Digits from which on it is taken for one, even if it was cut off.
const FEWEST: usize = 12;
/// What stands in its place.
const RULE: &str = "pts_token";

/// A text without the tokens in it.
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices(BEGIN) {
        let length = length(&text[at + BEGIN.len()..]);
        if at >= done && length >= FEWEST {
            clean.push_str(&text[done..at]);
            clean.push_str(&mask(RULE));
            done = at + BEGIN.len() + length;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[done..]);
    Cow::Owned(clean)
}

/// How much of a text is what a token is made of.
fn length(text: &str) -> usize {
    let letter = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'_');
    text.bytes().take_while(letter).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_out_wherever_they_are() {
        let token = "pts_0123456789abcdef0123456789abcdef01234567_0a1b2c3d";
        let check = |text: &str, clean: &str| assert_eq!(without_tokens(text), clean);
        check(token, "[masked:pts_token]");
        check(
            &format!("a {token}, b {token}!"),
            "a [masked:pts_token], b [masked:pts_token]!",
        );
        check(&token[..20], "[masked:pts_token]");
        check(
            "pts_services and pts_<random>",
            "pts_services and pts_<random>",
        );
        check("", "");
    }
}
