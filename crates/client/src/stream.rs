//! Live streams that come back by themselves, behind the last event that came.

use std::marker::PhantomData;

use bytes::Bytes;
use futures::stream::{self, Stream};
use pts_api::{Action, Binding, Problem};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::client::{parsed, request};
use crate::retry::Backoff;
use crate::sse::{Message, Parser};
use crate::transport::{Open, Outgoing};
use crate::{Client, ClientError, Refused};

const EVENT_STREAM: &str = "text/event-stream";

impl Client {
    /// Opens a stream. When this returns, it is open: what happens from now on is in it. A stream
    /// that is cut is opened again behind the last event that came, or behind the place that the server
    /// named when it began, without a loss or a repeat.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stream<A: Action>(
        &self,
        input: A::Input,
    ) -> Result<EventStream<A::Output>, ClientError> {
        const {
            assert!(
                matches!(A::BINDING, Binding::Stream),
                "this action is no stream"
            );
        }
        let request = request::<A>(&input, EVENT_STREAM)?;
        let open = self.transport.open(&request).await?;
        let limit = self.transport.options.most_answer_bytes;
        Ok(EventStream {
            backoff: Backoff::new(&self.transport.options),
            client: self.clone(),
            request,
            open: Some(open),
            parser: Parser::new(None, limit),
            rest: Bytes::new(),
            cut_at: None,
            ended: false,
            item: PhantomData,
        })
    }
}

/// A stream of events without an end.
#[derive(Debug)]
pub struct EventStream<T> {
    client: Client,
    request: Outgoing,
    open: Option<Open>,
    parser: Parser,
    /// What has come and is not read yet.
    rest: Bytes,
    backoff: Backoff,
    /// When it was cut, while it is.
    cut_at: Option<Instant>,
    ended: bool,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EventStream<T> {
    /// The next event. After an error there is nothing more: the server refused to go on, or could
    /// not be reached for `resume_timeout`. May be cancelled at any time without losing an event.
    pub async fn next(&mut self) -> Option<Result<T, ClientError>> {
        if self.ended {
            return None;
        }
        loop {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => {
                    if let Err(error) = self.cut(error).await {
                        self.ended = true;
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// The place in the log of the last event that came, as the server names it; before the first, that
    /// behind which the stream began.
    pub fn last_event_id(&self) -> Option<&str> {
        self.parser.last_id()
    }

    /// The events as a stream of the `futures` crate.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, ClientError>> {
        stream::unfold(self, |mut events| async move {
            let event = events.next().await?;
            Some((event, events))
        })
    }

    /// Reads on, or opens it again.
    async fn step(&mut self) -> Result<Option<T>, ClientError> {
        if !self.rest.is_empty() {
            return self.read();
        }
        let Some(open) = &mut self.open else {
            self.request.last_event_id = self.parser.last_id().map(ToOwned::to_owned);
            let open = self.client.transport.open_once(&self.request).await?;
            self.open = Some(open);
            return Ok(None);
        };
        let ended = || ClientError::Broken("the stream has ended".to_owned());
        self.rest = open.next().await?.ok_or_else(ended)?;
        self.cut_at = None;
        Ok(None)
    }

    fn read(&mut self) -> Result<Option<T>, ClientError> {
        let limit = self.client.transport.options.most_answer_bytes;
        let read = self.parser.read(&self.rest);
        let (used, message) = read.map_err(|_| ClientError::TooLarge { limit })?;
        let _ = self.rest.split_to(used);
        let Some(Message { event, data }) = message else {
            return Ok(None);
        };
        if event == "problem" {
            let problem: Problem = parsed(data.as_bytes())?;
            let retry_after = None;
            return Err(Refused {
                problem,
                retry_after,
            }
            .into());
        }
        // Only now has it really come back: one that greets and cuts is not asked without a pause.
        self.backoff.reset();
        parsed(data.as_bytes()).map(Some)
    }

    /// Waits before the stream is opened again.
    ///
    /// # Errors
    /// The same error, if there is no use in that.
    async fn cut(&mut self, error: ClientError) -> Result<(), ClientError> {
        let options = &self.client.transport.options;
        let cut_at = *self.cut_at.get_or_insert_with(Instant::now);
        if !error.is_passing() || cut_at.elapsed() >= options.resume_timeout {
            return Err(error);
        }
        // What is cut in the middle of a message is sent again as a whole.
        let last_id = self.parser.last_id().map(ToOwned::to_owned);
        self.parser = Parser::new(last_id, options.most_answer_bytes);
        self.rest = Bytes::new();
        self.open = None;
        sleep(self.backoff.after(&error)).await;
        Ok(())
    }
}
