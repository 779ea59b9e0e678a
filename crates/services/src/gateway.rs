//! The one door: every action passes here, whatever brought it. It authorises, routes and puts the
//! answer together; it owns no data and computes nothing heavy.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt as _};
use pts_api::actions::events::StreamInput;
use pts_api::{Action, Answer, Effect, EventRecord};
use pts_domain::access::{Principal, Scope};
use pts_domain::blind::Hindrance;
use pts_domain::event::{Form, NewEvent};
use pts_domain::filter::{Cursor, EventFilter};
use pts_domain::{FieldError, Timestamp};
use pts_ports::{
    Accounting, Appended, BlindSpots, Clock, Entropy, EventLog, Projections, Quarantine, TokenStore,
};

use crate::accounting::{Books, Tallies};
use crate::blind::{Receiving, Reporters, Ward};
use crate::coverage::{Found, Freshness, timed_out};
use crate::engine::Engine;
use crate::error::RETRY_AFTER_S;
use crate::export::Exports;
use crate::ingest::{ItemOutcome, Mode, committed};
use crate::limits::{Gate, Limits};
use crate::tail::Commits;
use crate::{Access, AccessError, ActionError, Item, Session};

/// What a gateway is made of.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The projections.
    pub projections: Arc<dyn Projections>,
    /// The tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// The account of everything that was sent.
    pub accounting: Arc<dyn Accounting>,
    /// What was sent and is no event.
    pub quarantine: Arc<dyn Quarantine>,
    /// What could not be seen.
    pub blind_spots: Arc<dyn BlindSpots>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// The one door.
pub struct Gateway {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) projections: Arc<dyn Projections>,
    pub(crate) quarantine: Arc<dyn Quarantine>,
    pub(crate) books: Books,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) commits: Arc<Commits>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) blind_spots: Arc<dyn BlindSpots>,
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) reporters: Arc<Reporters>,
    pub(crate) ward: Ward,
    pub(crate) engine: Engine,
    pub(crate) gate: Gate,
    pub(crate) exports: Exports,
    access: Access,
}

/// How a caller wants to be answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Rather no answer than an incomplete one.
    pub deny_partial: bool,
}

/// The code behind an action that is one question and one answer.
pub trait UseCase<A: Action> {
    /// Carries the action out for somebody who may. What it found says which question it answers:
    /// the gateway adds what the answer rests on.
    fn run(
        &self,
        input: A::Input,
    ) -> impl Future<Output = Result<Found<A::Output>, ActionError>> + Send;

    /// Whether it looks through much: of such, a caller has few at the same time.
    fn is_heavy(_input: &A::Input) -> bool {
        false
    }
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            log,
            projections,
            tokens,
            accounting,
            quarantine,
            blind_spots,
            clock,
            entropy,
        } = parts;
        let books = Books::new(
            accounting,
            Arc::new(Tallies::default()),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let access = Access::new(tokens, Arc::clone(&clock), Arc::clone(&entropy));
        let (commits, freshness) = (Arc::new(Commits::new()), Arc::new(Freshness::new()));
        let (receiving, reporters) = (Arc::new(Receiving::new()), Arc::new(Reporters::new()));
        let told = {
            let (commits, freshness) = (Arc::clone(&commits), Arc::clone(&freshness));
            let (receiving, clock) = (Arc::clone(&receiving), Arc::clone(&clock));
            Box::new(move |appended: &[Appended], newest| {
                committed(&commits, &freshness, appended, newest);
                receiving.stored(|| clock.now());
            })
        };
        let heard = {
            let (receiving, reporters) = (Arc::clone(&receiving), Arc::clone(&reporters));
            Box::new(move |events: &[NewEvent]| {
                if let Some(first) = events.first() {
                    reporters.hear(events, receiving.listening_since(first.received_at));
                }
            })
        };
        let engine = Engine::new(Arc::clone(&log), told, heard);
        Self {
            log,
            projections,
            quarantine,
            books,
            clock,
            entropy,
            commits,
            freshness,
            blind_spots,
            receiving,
            reporters,
            ward: Ward::new(),
            engine,
            gate: Gate::new(Limits::default()),
            exports: Exports::new(),
            access,
        }
    }

    /// The same with other limits than the usual ones.
    pub fn limited(self, limits: Limits) -> Self {
        Self {
            gate: Gate::new(limits),
            ..self
        }
    }

    /// Tokens, sessions and sign-in codes.
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Finds out who presents a token or a session.
    ///
    /// # Errors
    /// Why the token is not good, or that it cannot be checked now.
    pub async fn authenticate(&self, presented: &str) -> Result<Principal, AccessError> {
        let authenticated = self.access.authenticate(presented).await;
        if let Err(AccessError::Unavailable { .. }) = authenticated {
            // It may have been somebody with events: nobody knows how many.
            self.receiving
                .refused(Hindrance::StoreAway, self.now(), 0, true);
        }
        authenticated
    }

    /// Finds out who presents a token while the store cannot be asked, for what tells nothing but how
    /// the service is.
    ///
    /// # Errors
    /// As [`Access::remembered`].
    pub fn remembered(&self, presented: &str) -> Result<Principal, AccessError> {
        self.access.remembered(presented)
    }

    /// Checks that somebody may do something.
    ///
    /// # Errors
    /// [`ActionError::Denied`].
    pub fn authorise(&self, principal: &Principal, scope: Scope) -> Result<(), ActionError> {
        if principal.may(scope) {
            Ok(())
        } else {
            Err(ActionError::Denied { scope })
        }
    }

    /// Carries out an action.
    ///
    /// # Errors
    /// Whatever stands in the way; see [`ActionError`].
    pub async fn call<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        self.authorise(principal, A::SCOPE)?;
        let answer = self.admitted::<A>(principal, input).await?;
        if options.deny_partial && !answer.coverage.complete {
            return Err(ActionError::Incomplete(Box::new(answer.coverage)));
        }
        Ok(answer)
    }

    /// Carries out an action for whoever runs this program on the machine itself and reaches the
    /// store without a token: nobody is asked for a scope, and nothing is limited.
    ///
    /// # Errors
    /// As [`Gateway::call`], but for [`ActionError::Denied`].
    pub async fn call_here<A: Action>(
        &self,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let found = <Self as UseCase<A>>::run(self, input).await?;
        Ok(self.assemble(found).await)
    }

    /// Answers within the caller's limits, and within the time that a question may take. Dropped, it
    /// stops what it began in the store.
    async fn admitted<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        let heavy = <Self as UseCase<A>>::is_heavy(&input);
        let answering = async {
            let found = <Self as UseCase<A>>::run(self, input).await?;
            self.gate.read(token, now, found.rows, 0);
            Ok(self.assemble(found).await)
        };
        if A::EFFECT != Effect::Read {
            return answering.await;
        }
        self.shed()?;
        let _turn = if heavy {
            self.gate.heavy(token, now).await?
        } else {
            None
        };
        let within = self.gate.limits.deadline;
        let Ok(answer) = tokio::time::timeout(within, answering).await else {
            return Err(timed_out(within));
        };
        answer
    }

    /// Refuses questions while events wait in number: whoever asks can ask again, and whoever sends
    /// may not be there any more.
    pub(crate) fn shed(&self) -> Result<(), ActionError> {
        if self.engine.is_pressed() {
            let retry_after_s = RETRY_AFTER_S;
            return Err(ActionError::Overloaded { retry_after_s });
        }
        Ok(())
    }

    /// Notes how long an answer was on its way out: the caller's next questions are measured by it.
    pub fn note_read(&self, principal: &Principal, bytes: usize) {
        self.gate
            .read(principal.token_id, self.now(), 0, bytes as u64);
    }

    /// Takes events in: checks each, stores the good ones in one transaction, and tells what became
    /// of each, in order.
    ///
    /// # Errors
    /// [`ActionError::Denied`]; [`ActionError::Overloaded`] or [`ActionError::TooMuch`] at once when
    /// too much is waiting; [`ActionError::Unavailable`] when they could not be stored, or it is not
    /// known whether they are.
    pub async fn ingest(
        &self,
        principal: &Principal,
        items: Vec<Item>,
        form: Form,
        mode: Mode,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        self.authorise(principal, Scope::EventsWrite)?;
        self.gate.send(principal.token_id, self.now())?;
        self.append_items(principal.token_id, items, form, mode)
            .await
    }

    /// Follows events as they come, without an end, a loss or a repeat.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Invalid`] for a place that is not in the log, or
    /// [`ActionError::Unavailable`].
    pub async fn follow(
        &self,
        principal: &Principal,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<BoxStream<'static, Result<EventRecord, ActionError>>, ActionError> {
        self.authorise(principal, Scope::EventsRead)?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let place = self.gate.stream(token, now)?;
        let events = self.tail(input, last_event_id).await?;
        // The place is free again when the stream ends, however it ends.
        let events = events.inspect(move |_| {
            let _ = &place;
        });
        Ok(events.boxed())
    }

    /// Learns from the log when it last took something in, so that the first answers after a start
    /// know their age.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn warm_up(&self) -> Result<(), ActionError> {
        let head = self.log.head().await?;
        let last = self
            .log
            .after((head - 1).max(0), &EventFilter::default(), 1)
            .await?;
        last.events
            .iter()
            .for_each(|event| self.freshness.received(event.received_at));
        Ok(())
    }

    /// Whether events could be stored now.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn ready(&self) -> Result<(), ActionError> {
        self.log.ready().await?;
        Ok(())
    }

    /// Redeems a one-time code.
    ///
    /// # Errors
    /// That the code is not known, used or too old, or that a session cannot be made now.
    pub async fn sign_in_with_code(&self, code: &str) -> Result<Session, AccessError> {
        self.access.sign_in_with_code(code).await
    }

    /// Makes a session that may do what the token may.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(&self, token: &str) -> Result<Session, AccessError> {
        self.access.sign_in_with_token(token).await
    }

    /// Ends the session behind a request.
    ///
    /// # Errors
    /// That it cannot be ended now.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccessError> {
        self.access.sign_out(principal).await
    }

    /// Waits until everything that was taken in is written and safe on disk, or known not to be.
    pub async fn settle(&self) {
        self.engine.idle().await;
    }

    /// How much waits to be written: events, and the bytes they take.
    pub fn waiting(&self) -> (usize, usize) {
        self.engine.waiting()
    }

    /// What time it is, as the service sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The length of a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ActionError> {
    use pts_api::actions::{LARGEST_LIMIT, USUAL_LIMIT};
    match asked {
        None => Ok(USUAL_LIMIT),
        Some(limit) if (1..=LARGEST_LIMIT).contains(&limit) => Ok(limit),
        Some(limit) => {
            let expected = format!("1 to {LARGEST_LIMIT}");
            Err(ActionError::Invalid(vec![FieldError::invalid(
                "limit", limit, expected,
            )]))
        }
    }
}

/// The kind of cursor that a list needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorKind {
    Event,
    Position,
    /// Of so many parts.
    Name(usize),
}

/// Reads a cursor, and refuses one of another list.
pub(crate) fn cursor(text: Option<&str>, kind: CursorKind) -> Result<Option<Cursor>, ActionError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |expected: String| {
        ActionError::Invalid(vec![FieldError::invalid(
            "cursor",
            format!("{text:?}"),
            expected,
        )])
    };
    let cursor: Cursor = text.parse().map_err(wrong)?;
    let fits = match &cursor {
        Cursor::Event(..) => kind == CursorKind::Event,
        Cursor::Position(_) => kind == CursorKind::Position,
        Cursor::Name(parts) => kind == CursorKind::Name(parts.len()),
    };
    if fits {
        Ok(Some(cursor))
    } else {
        Err(wrong("a `next_cursor` of this list".to_owned()))
    }
}
