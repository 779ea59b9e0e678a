//! Signing in from a command line, over the provider that the server works with. Whoever asks is not
//! known yet: what they may send is small, and what they may cause is bounded by the gateway.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pts_api::{DevicePoll, DevicePolled, DeviceStart, DeviceStarted};
use pts_services::input::Fields;
use pts_services::{DeviceAnswer, SignedIn};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth;
use crate::bind::expects_json;
use crate::events::{json_error, not_json};
use crate::pages::small_body;
use crate::problem::Refusal;
use crate::shared::Shared;

/// `POST /v1/device/start`
pub(crate) async fn start(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    read::<DeviceStart>(&req, payload).await?;
    let grant = shared.gateway.start_device_sign_in().await?;
    Ok(HttpResponse::Ok().json(DeviceStarted {
        device_code: grant.device_code,
        user_code: grant.user_code,
        verification_uri: grant.verification_uri,
        verification_uri_complete: grant.verification_uri_complete,
        expires_in_s: grant.expires_in_s,
        interval_s: grant.interval_s,
    }))
}

/// `POST /v1/device/poll`
pub(crate) async fn poll(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let asked: DevicePoll = read(&req, payload).await?;
    let (code, workspace) = (&asked.device_code, asked.workspace.as_ref());
    let origin = auth::origin(&req);
    let polled = (shared.gateway).poll_device_sign_in(code, workspace, &origin);
    Ok(HttpResponse::Ok().json(match polled.await? {
        DeviceAnswer::Pending { slow_down } => DevicePolled::Pending { slow_down },
        DeviceAnswer::Granted(signed_in) => told(*signed_in),
    }))
}

fn told(signed_in: SignedIn) -> DevicePolled {
    DevicePolled::SignedIn {
        token: signed_in.session.text.reveal().to_owned(),
        expires_at: signed_in.session.expires_at,
        name: signed_in.name,
        roles: signed_in.roles,
        workspace: signed_in.workspace,
    }
}

/// Reads a small JSON object; nothing at all stands for one that says nothing.
async fn read<T: JsonSchema + DeserializeOwned>(
    req: &HttpRequest,
    payload: Payload,
) -> Result<T, Refusal> {
    let text = small_body(payload).await?;
    let value: Value = if text.trim().is_empty() {
        serde_json::json!({})
    } else {
        expects_json(req)?;
        serde_json::from_str(&text)
            .map_err(|error| not_json(json_error(&error, error.line(), error.column())))?
    };
    let read = Fields::of::<T>().read(&value, "the body");
    read.map_err(Refusal::bad_input)
}
