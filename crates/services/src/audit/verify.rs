//! Reading the whole audit as somebody would who suspects everybody but the holder of a key.

use pts_domain::audit::{Checkpoint, PublicKey, Report, Verifier};
use pts_ports::{AuditLog, StoreError};

/// Entries, or checkpoints, that are read together.
const STRETCH: usize = 1_000;

/// A checkpoint as it is told elsewhere: what it says, or why that cannot be read.
pub type ExportedCheckpoint = Result<Checkpoint, String>;

/// Reads all of an audit, in constant memory but for the hashes that were signed, and looks whether the
/// store still refuses to change it. `exported` is what is
/// kept elsewhere; without keys, no checkpoint is believed.
///
/// # Errors
/// That the store cannot be asked.
pub async fn verify_audit(
    store: &dyn AuditLog,
    keys: Vec<PublicKey>,
    exported: impl IntoIterator<Item = ExportedCheckpoint>,
) -> Result<Report, StoreError> {
    let mut verifier = Verifier::new(keys);
    verifier.unguarded(store.unguarded().await?);
    // Before the entries: whatever is signed by now is among those that are read.
    let mut behind = None;
    loop {
        let some = store.checkpoints(behind, STRETCH).await?;
        let Some(last) = some.last() else { break };
        behind = Some(last.sequence);
        for kept in some {
            match kept.checkpoint {
                Some(checkpoint) => verifier.checkpoint(&checkpoint),
                None => verifier.flaw(kept.sequence, "it cannot be read".to_owned()),
            }
        }
    }
    for one in exported {
        match one {
            Ok(checkpoint) => verifier.checkpoint(&checkpoint),
            Err(what) => verifier.flaw(0, what),
        }
    }
    let mut behind = None;
    let end = loop {
        let some = store.stretch(behind, STRETCH).await?;
        if let Some(last) = some.last() {
            behind = Some(last.sequence);
            for row in some {
                verifier.look(row);
            }
            continue;
        }
        let end = store.end().await?;
        // Entries and the end are written together: where the end is further, so are entries, unless
        // they are gone.
        let further = end.is_some_and(|end| behind.is_none_or(|read| end.sequence > read));
        let more = if further {
            store.stretch(behind, 1).await?
        } else {
            Vec::new()
        };
        if more.is_empty() {
            break end;
        }
    };
    Ok(verifier.finish(end))
}
