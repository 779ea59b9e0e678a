//! The live tail: events as they are committed, read from the log itself. A signal wakes the
//! readers after each commit of this process; for those of others they look by themselves every
//! second. Since positions have no holes and appear in order, reading on from the last one neither
//! skips nor repeats.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use pts_api::EventRecord;
use pts_api::actions::events::StreamInput;
use pts_domain::filter::{EventFilter, TypePattern};
use pts_domain::{FieldError, StoredEvent};
use pts_ports::EventLog;
use tokio::sync::watch;

use crate::{ActionError, Gateway};

/// How many events are read at once.
const CHUNK: usize = 500;
/// How often to look for commits of other processes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells readers how far the log has come.
pub(crate) struct Commits {
    head: watch::Sender<i64>,
}

impl Commits {
    pub(crate) fn new() -> Self {
        Self {
            head: watch::Sender::new(0),
        }
    }

    pub(crate) fn reached(&self, position: i64) {
        self.head.send_if_modified(|head| {
            let further = position > *head;
            *head = position.max(*head);
            further
        });
    }
}

struct Reader {
    log: Arc<dyn EventLog>,
    filter: EventFilter,
    position: i64,
    waiting: std::vec::IntoIter<StoredEvent>,
    commits: watch::Receiver<i64>,
}

impl Gateway {
    pub(crate) async fn tail(
        &self,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<BoxStream<'static, Result<EventRecord, ActionError>>, ActionError> {
        // Subscribed before the head is read: a commit in between wakes the reader.
        let commits = self.commits.head.subscribe();
        let head = self.log.head().await?;
        let position = match last_event_id.or(input.after) {
            None => head,
            Some(position) if (0..=head).contains(&position) => position,
            Some(position) => {
                let field = if last_event_id.is_some() {
                    "Last-Event-ID"
                } else {
                    "after"
                };
                let expected = format!("a place in the log, 0 to {head}");
                let error = FieldError::invalid(field, position, expected);
                return Err(ActionError::Invalid(vec![error]));
            }
        };
        let filter = EventFilter {
            types: input
                .types
                .iter()
                .map(|text| TypePattern::from(text.as_str()))
                .collect(),
            source: input.source,
            service: input.service,
            environment: input.environment,
            subject: input.subject,
            since: None,
            until: None,
            data: input.data,
        };
        let log = Arc::clone(&self.log);
        let reader = Reader {
            log,
            filter,
            position,
            waiting: Vec::new().into_iter(),
            commits,
        };
        let stream = stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(event) => Some((Ok(event.into()), Some(reader))),
                // The stream ends here; the client resumes behind the last event it saw.
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(stream.boxed())
    }
}

impl Reader {
    async fn next(&mut self) -> Result<StoredEvent, ActionError> {
        loop {
            if let Some(event) = self.waiting.next() {
                return Ok(event);
            }
            self.commits.mark_unchanged();
            let tail = self.log.after(self.position, &self.filter, CHUNK).await?;
            let moved = tail.scanned_to > self.position;
            self.position = tail.scanned_to;
            self.waiting = tail.events.into_iter();
            if !moved {
                // A closed signal means that the service ends, and the stream's owner with it.
                let _ = tokio::time::timeout(LOOK_EVERY, self.commits.changed()).await;
            }
        }
    }
}
