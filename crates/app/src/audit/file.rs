//! Checkpoints in a file: a line of JSON each, added and flushed to the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pts_domain::audit::{Checkpoint, KeyId};
use pts_ports::{CheckpointSink, StoreError};
use pts_services::ExportedCheckpoint;

/// A file of checkpoints.
pub(crate) struct FileCheckpoints {
    path: PathBuf,
}

impl FileCheckpoints {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Does something with the file where nobody has to wait for the disk.
    async fn with_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let shown = path.display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| StoreError::unavailable(format!("{shown}: {error}")))
    }
}

#[async_trait]
impl CheckpointSink for FileCheckpoints {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn export(&self, checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        let lines = lines(checkpoints)?;
        self.with_file(move |path| add(path, lines)).await
    }

    async fn last(&self, key: &KeyId) -> Result<Option<Checkpoint>, StoreError> {
        let key = key.clone();
        let find = move |path: &Path| match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => last_of(file, &key),
        };
        self.with_file(find).await
    }
}

/// Checkpoints as they stand in a file: a line of JSON each.
pub(super) fn lines(checkpoints: &[Checkpoint]) -> Result<Vec<u8>, StoreError> {
    let mut lines = Vec::new();
    for checkpoint in checkpoints {
        let line = serde_json::to_vec(checkpoint);
        let line = line.map_err(|error| StoreError::Other(error.into()))?;
        lines.extend(line);
        lines.push(b'\n');
    }
    Ok(lines)
}

fn add(path: &Path, mut lines: Vec<u8>) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if is_torn(&mut file)? {
        // What was cut off in the middle of a line stays a line of its own.
        lines.insert(0, b'\n');
    }
    file.write_all(&lines)?;
    file.sync_all()
}

/// Whether the file ends in the middle of a line.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn last_of(file: File, key: &KeyId) -> io::Result<Option<Checkpoint>> {
    let mut last: Option<Checkpoint> = None;
    for line in BufReader::new(file).lines() {
        let Ok(checkpoint) = serde_json::from_str::<Checkpoint>(&line?) else {
            continue;
        };
        let is_later = (last.as_ref()).is_none_or(|last| last.sequence <= checkpoint.sequence);
        if checkpoint.key == *key && is_later {
            last = Some(checkpoint);
        }
    }
    Ok(last)
}

/// All checkpoints of a file, as they can be read. A last line without an end is what a crash leaves.
pub(crate) fn read_all(
    path: &Path,
) -> io::Result<impl Iterator<Item = ExportedCheckpoint> + use<>> {
    let mut file = File::open(path)?;
    let torn = is_torn(&mut file)?;
    file.rewind()?;
    let shown = path.display().to_string();
    let mut lines = BufReader::new(file).lines().zip(1..).peekable();
    Ok(std::iter::from_fn(move || {
        loop {
            let (line, number) = lines.next()?;
            let wrong = |why: String| format!("{shown}, line {number}: {why}");
            let line = match line {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line,
                Err(error) => return Some(Err(wrong(error.to_string()))),
            };
            match serde_json::from_str(&line) {
                Ok(checkpoint) => return Some(Ok(checkpoint)),
                Err(_) if torn && lines.peek().is_none() => return None,
                Err(error) => return Some(Err(wrong(error.to_string()))),
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use pts_domain::Timestamp;
    use pts_domain::audit::{Hash, Head, SigningKey};

    use super::*;

    fn signed(sequence: i64, seed: u8) -> Checkpoint {
        let key = SigningKey::from_seed(&[seed; 32]).unwrap();
        let hash = Hash([1; 32]);
        let head = Head { sequence, hash };
        Checkpoint::sign(head, Timestamp::UNIX_EPOCH, &key).unwrap()
    }

    #[tokio::test]
    async fn what_was_told_is_read_again_whatever_broke_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoints");
        let file = FileCheckpoints::new(path.clone());
        let (one, other) = (signed(3, 1), signed(9, 2));
        assert_eq!(file.last(&one.key).await.unwrap(), None);
        file.export(&[one.clone(), other.clone()]).await.unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"sequence\": 4, \"ha")
            .unwrap();
        assert_eq!(file.last(&one.key).await.unwrap(), Some(one.clone()));
        let read: Vec<_> = read_all(&path).unwrap().collect();
        assert_eq!(read, [Ok(one.clone()), Ok(other.clone())]);
        let later = signed(5, 1);
        file.export(std::slice::from_ref(&later)).await.unwrap();
        assert_eq!(file.last(&one.key).await.unwrap(), Some(later.clone()));
        let read: Vec<_> = read_all(&path).unwrap().collect();
        assert_eq!(read.len(), 4);
        assert_eq!((&read[0], &read[3]), (&Ok(one), &Ok(later)));
        assert!(
            read[2].as_ref().is_err_and(|why| why.contains("line 3")),
            "{read:?}"
        );
    }

    #[tokio::test]
    async fn a_place_that_is_not_there_takes_nothing() {
        let file = FileCheckpoints::new("/nowhere/at/all".into());
        let refused = file.export(&[signed(1, 1)]).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable { .. })),
            "{refused:?}"
        );
    }
}
