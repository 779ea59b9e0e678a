//! One element of what was sent, with the text that it came as: what cannot be accepted is kept as
//! its sender wrote it, and what can costs nothing more.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use pts_domain::FieldError;
use serde_json::Value;

use crate::LARGEST_EVENT;

/// One element of a batch as it came: JSON, or why it is not even that.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it says.
    pub value: Result<Value, FieldError>,
    /// How it was written.
    pub text: ItemText,
}

impl Item {
    /// A part of a body.
    pub fn part(
        value: Result<Value, FieldError>,
        body: &Arc<Vec<u8>>,
        place: Range<usize>,
    ) -> Self {
        let text = ItemText(Origin::Part(Arc::clone(body), place));
        Self { value, text }
    }

    /// An element that came inside of other JSON; one that is larger than an event may be is none.
    pub fn bounded(value: Value) -> Self {
        let mut item = Self::from(value);
        if let Some(error) = Self::too_long(item.text.len()) {
            item.value = Err(error);
        }
        item
    }

    /// What is wrong with an element of so many bytes, if that is.
    pub fn too_long(bytes: usize) -> Option<FieldError> {
        (bytes > LARGEST_EVENT).then(|| {
            let found = format!("{bytes} bytes");
            let expected = format!("at most {LARGEST_EVENT} bytes");
            FieldError::with_code("too_long", "the event", found, expected)
        })
    }
}

impl From<Value> for Item {
    /// An element that did not come as JSON text, such as one that was put together from headers.
    fn from(value: Value) -> Self {
        let text = ItemText(Origin::Own(value.to_string()));
        let value = Ok(value);
        Self { value, text }
    }
}

/// The text of an element. Cheap to hold: it is a place in the body that it came in.
#[derive(Clone)]
pub struct ItemText(Origin);

#[derive(Clone)]
enum Origin {
    Part(Arc<Vec<u8>>, Range<usize>),
    Own(String),
}

impl ItemText {
    /// How many bytes it was sent as.
    pub fn len(&self) -> usize {
        match &self.0 {
            Origin::Part(_, place) => place.len(),
            Origin::Own(text) => text.len(),
        }
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes as they were sent.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Origin::Part(body, place) => body.get(place.clone()).unwrap_or_default(),
            Origin::Own(text) => text.as_bytes(),
        }
    }

    /// The text; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn as_str(&self) -> Cow<'_, str> {
        match &self.0 {
            Origin::Part(..) => String::from_utf8_lossy(self.bytes()),
            Origin::Own(text) => Cow::Borrowed(text),
        }
    }
}

impl From<String> for ItemText {
    /// A text that is not what was sent.
    fn from(text: String) -> Self {
        Self(Origin::Own(text))
    }
}

impl fmt::Debug for ItemText {
    /// What cannot be read may be anything, a secret too: its length must do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemText({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_of_an_element_is_what_was_sent() {
        let body = Arc::new(b"[1e2,\"\xff\"]".to_vec());
        let item = Item::part(Ok(json!(100.0)), &body, 1..4);
        assert_eq!((item.text.as_str().as_ref(), item.text.len()), ("1e2", 3));
        let error = FieldError::missing("x", "y");
        let item = Item::part(Err(error), &body, 5..8);
        assert_eq!(item.text.as_str(), "\"\u{fffd}\"");
        assert_eq!(format!("{:?}", item.text), "ItemText(3 bytes)");
        assert_eq!(
            Item::from(json!({"a": "\0"})).text.as_str(),
            r#"{"a":"\u0000"}"#
        );
    }
}
