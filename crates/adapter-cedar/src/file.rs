//! The operator's file. It is read as a whole, within bounds, and believed when two looks in a row see
//! the same: somebody may be in the middle of writing it, and half of the rules is not the rules.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::PolicyError;

/// Bytes of a file of policies.
const LARGEST: u64 = 1024 * 1024;

/// What a look at the file saw.
type Look = Result<String, PolicyError>;

/// A file of policies, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    /// What was taken over.
    known: Look,
    /// Something else, seen once.
    next: Option<Look>,
}

impl Watched {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// That it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<(Self, String), PolicyError> {
        let text = look(path)?;
        let watched = Self {
            path: path.to_owned(),
            known: Ok(text.clone()),
            next: None,
        };
        Ok((watched, text))
    }

    /// What it has become, once that is certain.
    pub(crate) fn changed(&mut self) -> Option<Look> {
        let seen = look(&self.path);
        if seen == self.known {
            self.next = None;
            return None;
        }
        if self.next.as_ref() != Some(&seen) {
            self.next = Some(seen);
            return None;
        }
        self.next = None;
        self.known.clone_from(&seen);
        Some(seen)
    }
}

fn look(path: &Path) -> Look {
    let unreadable = |error: std::io::Error| PolicyError::Unreadable(error.to_string());
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(LARGEST + 1).read_to_string(&mut text);
    read.map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        let why = format!("it is larger than {LARGEST} bytes");
        return Err(PolicyError::Unreadable(why));
    }
    Ok(text)
}
