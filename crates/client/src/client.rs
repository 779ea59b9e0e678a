//! The client itself: any action by its type, or by its name.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use pts_api::{Action, ActionSpec, Answer, Binding, Call, Confirm, Done, Effect, Partial};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::route::Target;
use crate::transport::{Outgoing, Transport};
use crate::{ClientError, ClientOptions};

pub(crate) const JSON: &str = "application/json";

/// Speaks to one server with one token. A copy of it uses the same connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) transport: Arc<Transport>,
}

impl Client {
    /// Makes one. Nothing is sent yet; connections are opened as they are needed, in the tokio
    /// runtime that the calls run in.
    ///
    /// # Errors
    /// [`ClientError::Options`] if there is nothing to trust a server by.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let transport = Arc::new(Transport::new(options)?);
        Ok(Self { transport })
    }

    /// Carries out an action that is one question (or command) and one answer, over its own route.
    /// Questions are tried again where that may help; commands only if they certainly did not arrive.
    ///
    /// Events are sent with [`Client::append`], streams are opened with [`Client::stream`]: to call
    /// them here does not compile. A risky action is refused here with what it would do: see
    /// [`Client::preview`].
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn call<A: Action>(&self, input: A::Input) -> Result<Answer<A::Output>, ClientError> {
        self.call_with::<A>(input, Partial::Allow).await
    }

    /// The same; with [`Partial::Deny`], a question has a complete answer or none: what would have
    /// been missing is then the coverage of the problem. A command has no such choice.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn call_with<A: Action>(
        &self,
        input: A::Input,
        partial: Partial,
    ) -> Result<Answer<A::Output>, ClientError> {
        const {
            assert!(
                matches!(A::BINDING, Binding::Query | Binding::Command),
                "this action is not one question and one answer"
            );
        }
        let mut request = request::<A>(&input, JSON)?;
        if A::BINDING == Binding::Query && partial == Partial::Deny {
            request
                .path
                .push(if request.path.contains('?') { '&' } else { '?' });
            request.path.push_str("partial=deny");
        }
        self.json(&request).await
    }

    /// Carries out any action but a stream or a download by its name, with an input as JSON. Its
    /// answer is `data` as JSON, with its coverage.
    ///
    /// # Errors
    /// See [`ClientError`]; the fields of the input begin with `payload`.
    pub async fn act(&self, key: &str, input: Value) -> Result<Answer<Value>, ClientError> {
        self.act_with(key, input, None).await
    }

    /// The same for a risky action whose preview is confirmed, if it is.
    ///
    /// # Errors
    /// See [`ClientError`]; without a confirmation, the preview is in the problem.
    pub async fn act_with(
        &self,
        key: &str,
        input: Value,
        confirm: Option<&Confirm>,
    ) -> Result<Answer<Value>, ClientError> {
        let mut known = pts_api::actions::all().into_iter();
        let known = known.find(|action| action.name == key);
        let call = Call {
            action_key: key.to_owned(),
            payload: input,
            partial: None,
            confirm: confirm.map(|confirm| confirm.token.clone()),
        };
        let request = Outgoing {
            method: Method::POST,
            path: Call::PATH.to_owned(),
            accept: JSON,
            body: Some(written(&call)?),
            last_event_id: None,
            confirm: None,
            repeatable: known.is_some_and(|action| action.effect == Effect::Read),
        };
        let Done { data, meta, .. } = self.json::<Done<Value>>(&request).await?;
        let coverage = meta.coverage.ok_or_else(|| {
            ClientError::Unreadable("it does not say what it rests on".to_owned())
        })?;
        Ok(Answer {
            data,
            coverage,
            warnings: meta.warnings,
            next_cursor: meta.next_cursor,
        })
    }

    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: &Outgoing,
    ) -> Result<T, ClientError> {
        let reply = self.transport.exchange(request).await?;
        let sent_as = reply.headers.get(http::header::CONTENT_TYPE);
        let sent_as = sent_as
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !sent_as.starts_with(JSON) {
            return Err(ClientError::Unreadable(format!(
                "it is sent as {sent_as:?}"
            )));
        }
        parsed(&reply.body)
    }
}

/// The request that carries an action out.
pub(crate) fn request<A: Action>(
    input: &impl Serialize,
    accept: &'static str,
) -> Result<Outgoing, ClientError> {
    let input = serde_json::to_value(input).map_err(|error| ClientError::Input {
        field: "the input".to_owned(),
        why: error.to_string(),
    })?;
    let Target { path, body } = Target::of(&ActionSpec::of::<A>(), input)?;
    Ok(Outgoing {
        method: match A::METHOD {
            pts_api::Method::Get => Method::GET,
            pts_api::Method::Post => Method::POST,
        },
        path,
        accept,
        body: body.as_ref().map(written).transpose()?,
        last_event_id: None,
        confirm: None,
        repeatable: A::EFFECT == Effect::Read,
    })
}

pub(crate) fn written(body: &impl Serialize) -> Result<Bytes, ClientError> {
    let written = serde_json::to_vec(body).map_err(|error| ClientError::Input {
        field: "the input".to_owned(),
        why: error.to_string(),
    })?;
    Ok(written.into())
}

pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::Unreadable(error.to_string()))
}
