//! Server-sent events, read as the HTML standard says, from pieces of any size. Pure, and bounded: a
//! message that does not end is an error, not a leak.

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its type; `message` if it has none of its own.
    pub(crate) event: String,
    pub(crate) data: String,
}

/// More came for one message than is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads a stream piece by piece.
#[derive(Debug)]
pub(crate) struct Parser {
    /// The line that has begun.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return: a line feed behind it belongs to it.
    after_cr: bool,
    begun: bool,
    event: String,
    data: String,
    /// An id that counts once its message is complete.
    id: Option<String>,
    last_id: Option<String>,
    limit: usize,
}

impl Parser {
    /// One that goes on behind a message that came before.
    pub(crate) fn new(last_id: Option<String>, limit: usize) -> Self {
        Self {
            line: Vec::new(),
            after_cr: false,
            begun: false,
            event: String::new(),
            data: String::new(),
            id: last_id.clone(),
            last_id,
            limit,
        }
    }

    /// The id of the last message that is complete, or of the one before this stream.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Takes the next piece; returns how much of it was used, and a message if one is complete. The
    /// rest is to be handed in again.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<(usize, Option<Message>), TooLong> {
        for (at, &byte) in piece.iter().enumerate() {
            let ends = match byte {
                b'\n' if self.after_cr => {
                    self.after_cr = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_cr = byte == b'\r';
            if !ends {
                self.line.push(byte);
                if self.line.len() + self.data.len() > self.limit {
                    return Err(TooLong);
                }
                continue;
            }
            if let Some(message) = self.end_line() {
                return Ok((at + 1, Some(message)));
            }
        }
        Ok((piece.len(), None))
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&line).into_owned();
        if !self.begun {
            self.begun = true;
            if let Some(rest) = line.strip_prefix('\u{feff}') {
                line = rest.to_owned();
            }
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments have no field name, what is unknown is ignored, and `retry` too: waits of our own
            // grow and vary.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Message> {
        self.last_id.clone_from(&self.id);
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        Some(Message {
            event: if event.is_empty() {
                "message".to_owned()
            } else {
                event
            },
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> (Vec<(String, String)>, Parser) {
        let mut parser = Parser::new(None, 1_000);
        let mut messages = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (used, message) = parser.read(rest).unwrap();
                messages.extend(message.map(|message| (message.event, message.data)));
                rest = &rest[used..];
            }
        }
        (messages, parser)
    }

    #[test]
    fn messages_are_read_as_the_standard_says() {
        let check = |text: &str, expected: &[(&str, &str)], last_id: Option<&str>| {
            let (messages, parser) = all(&[text.as_bytes()]);
            let messages: Vec<_> = messages
                .iter()
                .map(|(e, d)| (e.as_str(), d.as_str()))
                .collect();
            assert_eq!(messages, expected, "{text:?}");
            assert_eq!(parser.last_id(), last_id, "{text:?}");
        };
        check("data: a\n\n", &[("message", "a")], None);
        check(
            "data:a\r\n\r\ndata:  b\r\r",
            &[("message", "a"), ("message", " b")],
            None,
        );
        check(
            "event: problem\ndata: a\ndata\ndata: b\n\n",
            &[("problem", "a\n\nb")],
            None,
        );
        check(": alive\n\nid: 7\n\n", &[], Some("7"));
        check(
            "id: 7\ndata: a\n\nid: 8\ndata: cut",
            &[("message", "a")],
            Some("7"),
        );
        check(
            "id: 7\ndata: a\n\ndata: b\n\n",
            &[("message", "a"), ("message", "b")],
            Some("7"),
        );
        check("\u{feff}data: a\n\n", &[("message", "a")], None);
        check(
            "unknown: x\nid: a\0b\ndata: a\n\n",
            &[("message", "a")],
            None,
        );
    }

    #[test]
    fn a_message_without_an_end_is_refused() {
        let mut parser = Parser::new(None, 10);
        assert_eq!(parser.read(b"data: 0123456789"), Err(TooLong));
        let mut parser = Parser::new(None, 10);
        assert!(parser.read(b"data: 01\n").is_ok());
        assert_eq!(parser.read(b"data: 0123"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_pieces_end(
            lines in proptest::collection::vec("(data|id|event|retry|:|é)?:? ?[a-z0-9é]{0,4}(\n|\r|\r\n|\n\n)", 0..20),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let text = lines.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            let ((whole, one), (parts, other)) = (all(&[&text]), all(&pieces));
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(one.last_id(), other.last_id());
        }
    }
}
