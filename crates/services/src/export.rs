//! Everything that fits, a stretch at a time. One stretch is read ahead while another is on its way to
//! the reader; a reader who takes too long is given up, and one who goes away ends the reading at once.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use pts_api::Coverage;
use pts_api::actions::export::{ExportEvents, ExportInput};
use pts_domain::access::Principal;
use pts_domain::event::RawEvent;
use pts_domain::filter::{EventFilter, Page, patterns};
use pts_ports::Stretch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use crate::access::facts;
use crate::coverage::Question;
use crate::limits::Turn;
use crate::queries::period;
use crate::{ActionError, CallOptions, Gateway};

/// How many exports are read at the same time: each may hold three stretches in memory, and together
/// they must not take every connection.
const AT_ONCE: usize = 4;
/// How long a reader may take for one stretch before its place is given to somebody else.
const PATIENCE: Duration = Duration::from_mins(1);
/// When trying again may help if all places are taken.
const RETRY_AFTER_S: u64 = 5;

/// The places for exports.
pub(crate) struct Exports(Arc<Semaphore>);

impl Exports {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, ActionError> {
        let place = Arc::clone(&self.0).try_acquire_owned();
        place.map_err(|_| ActionError::Overloaded {
            retry_after_s: RETRY_AFTER_S,
        })
    }
}

/// An export that has begun.
pub struct Export {
    /// The place in the log up to which it holds everything that fits.
    pub up_to: i64,
    /// What it rests on, as far as it is known at the begin.
    pub coverage: Coverage,
    /// Its parts. It is whole if the last one is [`Part::End`].
    pub parts: BoxStream<'static, Result<Part, ActionError>>,
}

/// A part of an export.
#[derive(Debug)]
pub enum Part {
    /// Some events.
    Events(Vec<RawEvent>),
    /// All of them were given, so many.
    End {
        /// How many.
        events: u64,
        /// What all of it rests on.
        coverage: Coverage,
    },
}

impl Gateway {
    /// Begins an export. Nothing more is held for it than a stretch or two, and a place among a few.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Limited`], [`ActionError::Invalid`],
    /// [`ActionError::Overloaded`] when as many exports are running as may or too many events wait,
    /// [`ActionError::Incomplete`] where that is asked for, or [`ActionError::Unavailable`]: the first
    /// stretch is read before this returns.
    pub async fn export(
        self: Arc<Self>,
        principal: &Principal,
        input: ExportInput,
        options: CallOptions,
    ) -> Result<Export, ActionError> {
        self.authorise(principal, &facts::<ExportEvents>())?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let (since, until) = period(&self, input.since.as_ref(), input.until.as_ref())?;
        let filter = EventFilter {
            types: patterns(&input.types),
            source: input.source,
            service: input.service,
            environment: input.environment,
            subject: input.subject,
            since,
            until,
            data: input.data,
        };
        let coverage = self.coverage_of_all(&filter).await;
        if options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        let place = self.exports.place()?;
        // As long as it is read it is one of the caller's streams, and one of its heavy questions.
        let stream = self.gate.stream(token, now)?;
        let turn = self.gate.heavy(token, now).await?;
        let up_to = self.log.head().await?;
        let first = self.log.stretch(&filter, up_to, None).await?;
        let reading = Reading {
            gateway: self,
            filter,
            up_to,
            options,
            token,
            held: (place, stream, turn),
        };
        // The task holds one part in hand while another waits here.
        let (parts, given) = mpsc::channel(1);
        tokio::spawn(reading.run(first, parts));
        let parts = stream::unfold(given, |mut given| async {
            given.recv().await.map(|part| (part, given))
        });
        Ok(Export {
            up_to,
            coverage,
            parts: parts.boxed(),
        })
    }

    async fn coverage_of_all(&self, filter: &EventFilter) -> Coverage {
        let all = Page {
            items: Vec::new(),
            next: None,
        };
        let question = Question::page_of_events(filter, None, &all);
        self.coverage(&question, Vec::new()).await
    }
}

/// What reads an export, on behalf of whoever takes its parts.
struct Reading {
    gateway: Arc<Gateway>,
    filter: EventFilter,
    up_to: i64,
    options: CallOptions,
    token: Uuid,
    #[expect(dead_code, reason = "held while the export is read")]
    held: (OwnedSemaphorePermit, Turn, Turn),
}

impl Reading {
    async fn run(self, first: Stretch, parts: mpsc::Sender<Result<Part, ActionError>>) {
        tokio::select! {
            // Whatever is being read is given up with it.
            () = parts.closed() => tracing::debug!("nobody takes the export any more"),
            () = self.give(first, &parts) => {}
        }
    }

    async fn give(&self, first: Stretch, parts: &mpsc::Sender<Result<Part, ActionError>>) {
        let Stretch { events, mut next } = first;
        let mut count = 0;
        self.note(&events, &mut count);
        let mut part = Ok(Part::Events(events));
        loop {
            let broken = part.is_err();
            if let Err(error) = parts.send_timeout(part, PATIENCE).await {
                tracing::info!(%error, "an export was given up: nobody took it");
                return;
            }
            let Some(cursor) = next.take().filter(|_| !broken) else {
                if !broken {
                    let end = self.end(count).await;
                    let _ = parts.send_timeout(end, PATIENCE).await;
                }
                return;
            };
            let log = &self.gateway.log;
            let read = log.stretch(&self.filter, self.up_to, Some(cursor)).await;
            part = read.map_err(ActionError::from).map(|stretch| {
                next = stretch.next;
                self.note(&stretch.events, &mut count);
                Part::Events(stretch.events)
            });
        }
    }

    /// Counts what was read, and for whom: the caller's next questions are measured by it.
    fn note(&self, events: &[RawEvent], count: &mut u64) {
        let rows = events.len() as u64;
        *count += rows;
        let gateway = &self.gateway;
        gateway.gate.read(self.token, gateway.now(), rows, 0);
    }

    async fn end(&self, events: u64) -> Result<Part, ActionError> {
        // Retention may have been at work meanwhile.
        let coverage = self.gateway.coverage_of_all(&self.filter).await;
        if self.options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        Ok(Part::End { events, coverage })
    }
}
