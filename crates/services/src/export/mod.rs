//! Everything that fits, a stretch at a time. One stretch is read ahead while another is on its way to
//! the reader; a reader who takes too long is given up, and one who goes away ends the reading at once.

mod patience;
mod places;
mod sources;

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use pts_api::Coverage;
use pts_api::actions::export::Export as ExportAction;
use pts_domain::access::Principal;
use pts_domain::filter::Cursor;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use places::Exports;

use crate::access::facts;
use crate::limits::Turn;
use crate::{ActionError, CallOptions, Gateway};
use patience::Patience;
use places::Place;

/// An export that has begun.
pub struct Export<R> {
    /// The place in the log up to which it holds everything that fits.
    pub up_to: i64,
    /// What it rests on, as far as it is known at the begin.
    pub coverage: Coverage,
    /// Its parts. It is whole if the last one is [`Part::End`].
    pub parts: BoxStream<'static, Result<Part<R>, ActionError>>,
}

/// A part of an export.
#[derive(Debug)]
pub enum Part<R> {
    /// Some of it.
    Rows(Vec<R>),
    /// All of it was given, so many.
    End {
        /// How many.
        count: u64,
        /// What all of it rests on.
        coverage: Coverage,
    },
}

/// The code behind an action that writes out everything that fits.
pub trait Exported<A: ExportAction> {
    /// One of what is written.
    type Row: Send + 'static;

    /// What such an export reads, of the log up to a place.
    ///
    /// # Errors
    /// [`ActionError::Invalid`].
    fn source(
        &self,
        input: A::Input,
        up_to: i64,
    ) -> Result<impl Source<Row = Self::Row>, ActionError>;
}

/// What an export reads.
pub trait Source: Send + Sync + 'static {
    /// One of what is read.
    type Row: Send + 'static;

    /// The next stretch: what is in it, and behind what the one after it begins. Nothing is held
    /// between two of them.
    fn stretch(
        &self,
        gateway: &Gateway,
        behind: Option<Cursor>,
    ) -> impl Future<Output = Result<Stretch<Self::Row>, ActionError>> + Send;

    /// Roughly how many bytes one is.
    fn weight(row: &Self::Row) -> usize;

    /// What it rests on.
    fn coverage(&self, gateway: &Gateway) -> impl Future<Output = Coverage> + Send;
}

/// Some of an export, and behind what the next begins; nothing at its end.
pub type Stretch<R> = (Vec<R>, Option<Cursor>);

impl Gateway {
    /// Begins an export. Nothing more is held for it than a stretch or two, and a place among a few.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Invalid`], [`ActionError::Limited`], also when the token
    /// has half of all places for exports, [`ActionError::Overloaded`] when all are taken or too many
    /// events wait, [`ActionError::Incomplete`] where that is asked for, or
    /// [`ActionError::Unavailable`]: the first stretch is read before this returns.
    pub async fn export<A: ExportAction>(
        self: Arc<Self>,
        principal: &Principal,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Export<<Self as Exported<A>>::Row>, ActionError>
    where
        Self: Exported<A>,
    {
        self.authorise(principal, &facts::<A>())?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let up_to = self.log.head().await?;
        let source = Exported::<A>::source(&*self, input, up_to)?;
        let coverage = source.coverage(&self).await;
        if options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        let place = self.exports.place(token)?;
        // As long as it is read it is one of the caller's streams, and one of its heavy questions.
        let stream = self.gate.stream(token, now)?;
        let turn = self.gate.heavy(token, now).await?;
        let first = source.stretch(&self, None).await?;
        let reading = Reading {
            gateway: Arc::clone(&self),
            source,
            options,
            token,
            held: (place, stream, turn),
        };
        Ok(Export {
            up_to,
            coverage,
            parts: reading.begin(first),
        })
    }
}

/// What reads an export, on behalf of whoever takes its parts.
struct Reading<S> {
    gateway: Arc<Gateway>,
    source: S,
    options: CallOptions,
    token: Uuid,
    #[expect(dead_code, reason = "held while the export is read")]
    held: (Place, Turn, Turn),
}

impl<S: Source> Reading<S> {
    fn begin(
        self,
        first: Stretch<S::Row>,
    ) -> BoxStream<'static, Result<Part<S::Row>, ActionError>> {
        // The task holds one part in hand while another waits here.
        let (parts, given) = mpsc::channel(1);
        tokio::spawn(self.run(first, parts));
        let parts = stream::unfold(given, |mut given| async {
            given.recv().await.map(|part| (part, given))
        });
        parts.boxed()
    }

    async fn run(
        self,
        first: Stretch<S::Row>,
        parts: mpsc::Sender<Result<Part<S::Row>, ActionError>>,
    ) {
        tokio::select! {
            // Whatever is being read is given up with it.
            () = parts.closed() => tracing::debug!("nobody takes the export any more"),
            () = self.give(first, &parts) => {}
        }
    }

    async fn give(
        &self,
        first: Stretch<S::Row>,
        parts: &mpsc::Sender<Result<Part<S::Row>, ActionError>>,
    ) {
        let (rows, mut next) = first;
        let mut count = 0;
        self.note(&rows, &mut count);
        let mut part = Ok(Part::Rows(rows));
        let mut patience = Patience::new();
        loop {
            let (broken, bytes, offered) = (part.is_err(), weight::<S>(&part), Instant::now());
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
            let read = self.source.stretch(&self.gateway, Some(cursor)).await;
            part = read.map(|(rows, behind)| {
                next = behind;
                self.note(&rows, &mut count);
                Part::Rows(rows)
            });
        }
    }

    /// Counts what was read, and for whom: the caller's next questions are measured by it.
    fn note(&self, rows: &[S::Row], count: &mut u64) {
        let rows = rows.len() as u64;
        *count += rows;
        let gateway = &self.gateway;
        gateway.gate.read(self.token, gateway.now(), rows, 0);
    }

    async fn end(&self, count: u64) -> Result<Part<S::Row>, ActionError> {
        // Retention may have been at work meanwhile.
        let coverage = self.source.coverage(&self.gateway).await;
        if self.options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        Ok(Part::End { count, coverage })
    }
}

/// Roughly how many bytes a part is.
fn weight<S: Source>(part: &Result<Part<S::Row>, ActionError>) -> usize {
    match part {
        Ok(Part::Rows(rows)) => rows.iter().map(S::weight).sum(),
        Ok(Part::End { .. }) | Err(_) => 0,
    }
}
