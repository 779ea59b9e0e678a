//! What a stream draws from what its token may read. A stream that has no room left waits for it:
//! nothing is lost by that, because what it gives next is read from the log whenever that is.

use std::sync::Arc;
use std::time::Duration;

use pts_ports::Clock;
use tokio::time::sleep;
use uuid::Uuid;

use super::caller::Caller;
use super::{Gate, Limited};

/// Of one caller, for as long as a stream is open.
pub(crate) struct Meter {
    caller: Arc<Caller>,
    clock: Arc<dyn Clock>,
}

impl Gate {
    pub(crate) fn meter(&self, token: Uuid, clock: Arc<dyn Clock>) -> Meter {
        let caller = self.caller(token, clock.now());
        Meter { caller, clock }
    }
}

impl Meter {
    /// Waits until there is room for rows and for bytes.
    pub(crate) async fn room(&self) {
        while let Err(limited) = self.look() {
            sleep(Duration::from_secs(limited.retry_after_s)).await;
        }
    }

    fn look(&self) -> Result<(), Limited> {
        let now = self.clock.now();
        self.caller.rows.look(now)?;
        self.caller.bytes.look(now)
    }

    /// Notes rows that were read.
    pub(crate) fn read(&self, rows: u64) {
        self.caller.rows.spend(self.clock.now(), rows);
    }
}
