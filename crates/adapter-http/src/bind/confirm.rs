//! With what a preview is confirmed: a header, or a field of what is posted.

use actix_web::HttpRequest;
use pts_api::CONFIRM_HEADER;
use pts_domain::FieldError;
use pts_domain::access::ConfirmationText;

use crate::problem::Refusal;

/// What confirms a preview, as its SHA-256, if anything does.
///
/// # Errors
/// 400 for what is said twice or confirms nothing.
pub(crate) fn confirmation(
    req: &HttpRequest,
    beside: Option<&str>,
) -> Result<Option<[u8; 32]>, Refusal> {
    let mut headers = req.headers().get_all(CONFIRM_HEADER);
    let header = headers
        .next()
        .map(|value| value.to_str().unwrap_or_default());
    let text = match (header, beside) {
        (Some(_), Some(_)) => return Err(wrong("it twice", "it once")),
        _ if headers.next().is_some() => return Err(wrong("it twice", "it once")),
        (text, other) => text.or(other),
    };
    text.map(read).transpose()
}

/// The SHA-256 of a text that confirms. The text itself is not repeated to anybody.
pub(crate) fn read(text: &str) -> Result<[u8; 32], Refusal> {
    let read = ConfirmationText::parse(text.trim());
    let read = read.map_err(|_| wrong("something else", "the `token` of a preview: confirm_…"))?;
    Ok(read.hash())
}

fn wrong(found: &str, expected: &str) -> Refusal {
    Refusal::bad_input(vec![FieldError::invalid(CONFIRM_HEADER, found, expected)])
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_preview_is_confirmed_in_one_place() {
        let text = ConfirmationText::from_random([7; 20]);
        let plain = TestRequest::post().to_http_request();
        let with = TestRequest::post().insert_header((CONFIRM_HEADER, text.reveal()));
        let with = with.to_http_request();
        assert_eq!(confirmation(&plain, None).unwrap(), None);
        assert_eq!(confirmation(&with, None).unwrap(), Some(text.hash()));
        assert_eq!(
            confirmation(&plain, Some(text.reveal())).unwrap(),
            Some(text.hash())
        );
        for refused in [
            confirmation(&with, Some(text.reveal())),
            confirmation(&plain, Some("pts_secret")),
            confirmation(&plain, Some("")),
        ] {
            let problem = refused.unwrap_err().into_problem();
            assert_eq!(problem.errors[0].field, CONFIRM_HEADER);
            assert!(!problem.detail.contains("secret"), "{}", problem.detail);
        }
    }
}
