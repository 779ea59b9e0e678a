//! The event log: immutable, ordered, and the only truth.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use pts_domain::access::Workspace;
use pts_domain::event::{NewEvent, RawEvent};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::Contradiction;
use pts_domain::{StoredEvent, Timestamp};
use uuid::Uuid;

use crate::StoreError;

/// What became of one event of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log, committed.
    Stored {
        /// Its place in the log.
        position: i64,
        /// What in it did not fit what was known.
        contradictions: Vec<Contradiction>,
    },
    /// The same event was there already, or earlier in the batch.
    Repeat {
        /// The first one's internal id.
        id: Uuid,
        /// When the first one was received.
        received_at: Timestamp,
    },
    /// Its identity stands for another event; nothing was stored.
    Conflict {
        /// The first one's internal id.
        id: Uuid,
        /// When the first one was received.
        received_at: Timestamp,
    },
    /// The store cannot hold this event, and is well otherwise; nothing of it was stored.
    Refused {
        /// Why, in words for whoever sent it.
        reason: String,
    },
}

/// An append that has happened, and may still have to reach the disk.
pub struct Written {
    /// One result per event, in order.
    pub appended: Vec<Appended>,
    /// Resolves once all of it, what was there before included, survives a crash of the store. An
    /// error leaves that open, as [`StoreError::Unavailable`] with `maybe_done` says.
    pub durable: BoxFuture<'static, Result<(), StoreError>>,
}

impl Written {
    /// One that is safe already.
    pub fn safe(appended: Vec<Appended>) -> Self {
        Self {
            appended,
            durable: Box::pin(std::future::ready(Ok(()))),
        }
    }
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written")
            .field("appended", &self.appended)
            .finish_non_exhaustive()
    }
}

/// Events behind a place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// Those that fit, in the order of the log.
    pub events: Vec<StoredEvent>,
    /// Up to here the log has been looked through; read on from here.
    pub scanned_to: i64,
}

/// A part of everything that fits, for whoever wants all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Events, newest first.
    pub events: Vec<RawEvent>,
    /// Where the next stretch begins; absent behind the last one.
    pub next: Option<Cursor>,
}

/// The log of all events.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// The same log, as it is seen from a workspace: what is looked for is looked for among the events
    /// that belong there, and MUST be found as if no others existed. What is made first is seen from the
    /// usual one. Appending, and how far the log is, is the same from everywhere: each new event says
    /// itself where it belongs, and positions are counted over all.
    fn within(&self, workspace: &Workspace) -> Arc<dyn EventLog>;

    /// Appends a batch in one transaction, with everything that the projector makes of it, and
    /// returns when it is in order and can be seen, which may be before it is safe on disk: nobody
    /// MAY be told that an event is stored before [`Written::durable`] has resolved. Several may be
    /// under way at the same time.
    ///
    /// MUST give positions from 1 without holes, in the order in which appends become visible.
    /// MUST recognise an identity that was stored in the same workspace within the last 7 days or longer,
    /// in the log and in the batch itself, and decide as [`pts_domain::event::admit`] does. MUST store all
    /// new events or, on an error, none (see [`StoreError::Unavailable`] for the one doubt). MUST
    /// survive being dropped half way: nothing is half stored and the next call works.
    async fn write(&self, batch: Vec<NewEvent>) -> Result<Written, StoreError>;

    /// Appends a batch as [`EventLog::write`] does, and returns when it is safe.
    async fn append(&self, batch: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
        let Written { appended, durable } = self.write(batch).await?;
        durable.await?;
        Ok(appended)
    }

    /// The event of that internal id.
    async fn get(&self, id: Uuid) -> Result<Option<StoredEvent>, StoreError>;

    /// Events that fit, newest first by the time they happened, then by position. `cursor` is one
    /// that an earlier page of the same filter returned. MUST neither skip nor repeat an event
    /// that was there when the first page was read, whatever is appended meanwhile.
    async fn search(
        &self,
        filter: &EventFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredEvent>, StoreError>;

    /// What fits of the log up to the place `up_to`, in the order of [`EventLog::search`], a stretch at
    /// a time: as many events as the store likes to read at once, bounded in memory however large they
    /// are. `cursor` is [`Stretch::next`] of the stretch before.
    ///
    /// The log only grows, so a place in it is a snapshot: all stretches together MUST hold every event
    /// up to there once, whatever is appended meanwhile. MUST hold nothing of the store between two
    /// stretches, and MUST end the query soon after the future is dropped.
    async fn stretch(
        &self,
        filter: &EventFilter,
        up_to: i64,
        cursor: Option<Cursor>,
    ) -> Result<Stretch, StoreError>;

    /// Up to `limit` events behind `position` that fit and are safe on disk, in the order of the
    /// log. MAY look through only a part of the log at once; `scanned_to` tells how far it came and
    /// is `position` only at the end of what is safe.
    async fn after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: usize,
    ) -> Result<Tail, StoreError>;

    /// The place of the last event that is safe on disk; 0 for an empty log.
    async fn head(&self) -> Result<i64, StoreError>;

    /// Tells every process over the same log that it is safe up to here.
    async fn announce(&self, position: i64) -> Result<(), StoreError>;

    /// What processes, this one too, announce from now on: how far the log is safe. Ends when hearing
    /// ends; whoever listens again then must look at the head first, for what was told meanwhile.
    async fn announced(&self) -> Result<BoxStream<'static, i64>, StoreError>;

    /// What did not fit, newest first. `about` narrows to one subject, exactly as it is spelt in
    /// [`Contradiction::about`]. One event may have several, and a page may end between them: the
    /// [`Cursor::Position`] of a page is whatever number the store gives to contradictions.
    async fn contradictions(
        &self,
        about: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Contradiction>, StoreError>;

    /// Whether the store could commit an append now. Bounded: answers within two seconds.
    async fn ready(&self) -> Result<(), StoreError>;
}
