//! Everything that fits, a stretch at a time. One stretch is read ahead while another is on its way to
//! the reader; a reader who takes too long is given up, and one who goes away ends the reading at once.

mod patience;
mod places;

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use pts_api::Coverage;
use pts_api::actions::export::ExportInput;
use pts_domain::access::{Principal, Scope};
use pts_domain::event::RawEvent;
use pts_domain::filter::{EventFilter, Page};
use pts_ports::Stretch;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use places::Exports;

use crate::coverage::Question;
use crate::limits::Turn;
use crate::queries::sought;
use crate::{ActionError, CallOptions, Gateway};
use patience::Patience;
use places::Place;

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
    /// [`ActionError::Denied`], [`ActionError::Invalid`], [`ActionError::Limited`], also when the token
    /// has half of all places for exports, [`ActionError::Overloaded`] when all are taken or too many
    /// events wait,
    /// [`ActionError::Incomplete`] where that is asked for, or [`ActionError::Unavailable`]: the first
    /// stretch is read before this returns.
    pub async fn export(
        self: Arc<Self>,
        principal: &Principal,
        input: ExportInput,
        options: CallOptions,
    ) -> Result<Export, ActionError> {
        self.authorise(principal, Scope::EventsRead)?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let filter = sought(&self, input.into())?;
        let coverage = self.coverage_of_all(&filter).await;
        if options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        let place = self.exports.place(token)?;
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

/// Roughly how many bytes a part is.
fn weight(part: &Result<Part, ActionError>) -> usize {
    match part {
        Ok(Part::Events(events)) => events.iter().map(RawEvent::weight).sum(),
        Ok(Part::End { .. }) | Err(_) => 0,
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
    held: (Place, Turn, Turn),
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
        let mut patience = Patience::new();
        loop {
            let (broken, bytes, offered) = (part.is_err(), weight(&part), Instant::now());
            if let Err(error) = parts.send_timeout(part, patience.left()).await {
                tracing::info!(%error, "an export was given up: its reader is too slow");
                return;
            }
            patience.taken(bytes, offered.elapsed());
            let Some(cursor) = next.take().filter(|_| !broken) else {
                if !broken {
                    let end = self.end(count).await;
                    let _ = parts.send_timeout(end, patience.left()).await;
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
