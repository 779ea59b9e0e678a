//! The port's promises, kept by speaking OpenID Connect.

use std::sync::Arc;

use async_trait::async_trait;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};
use pts_domain::signin::{Attempt, Person};
use pts_ports::{Clock, DeviceGrant, DevicePoll, Doubt, IdentityProvider, ProviderError};
use serde::Deserialize;

use crate::discovery::{Discovery, Metadata};
use crate::grant::{self, Credentials, Refused, Tokens, ask, away};
use crate::http::{Http, HttpError};
use crate::statement::{self, Claims, Expected, untrusted};
use crate::{OidcSettings, SettingsError};

/// How often to ask where the provider does not say (RFC 8628, section 3.2).
const USUAL_INTERVAL_S: u64 = 5;
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An OpenID Connect provider.
pub struct OidcProvider {
    settings: OidcSettings,
    redirect: RedirectUrl,
    discovery: Discovery,
    http: Http,
    clock: Arc<dyn Clock>,
}

/// What the device authorization endpoint answers.
#[derive(Deserialize)]
struct DeviceStarted {
    device_code: String,
    user_code: String,
    // Some write it as older drafts had it.
    #[serde(alias = "verification_url")]
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

impl OidcProvider {
    /// A provider that is not spoken to yet.
    ///
    /// # Errors
    /// Which setting cannot be used.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let (issuer, redirect) = settings.check()?;
        let http = Http::new(settings.root_certificates.as_deref())?;
        Ok(Self {
            redirect,
            discovery: Discovery::new(issuer),
            http,
            clock,
            settings,
        })
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        self.discovery.known(&self.http).await
    }

    fn credentials(&self, metadata: &Metadata) -> Credentials<'_> {
        let secret = self.settings.client_secret.as_deref();
        Credentials::of(metadata, &self.settings.client_id, secret)
    }

    async fn tokens(
        &self,
        metadata: &Metadata,
        fields: &[(&str, &str)],
    ) -> Result<Result<Tokens, Refused>, ProviderError> {
        let endpoint = metadata.token_endpoint();
        let endpoint = endpoint.ok_or_else(|| missing("token_endpoint"))?;
        let credentials = self.credentials(metadata);
        ask(&self.http, endpoint.as_str(), &credentials, fields).await
    }

    /// Who the tokens speak of, once they can be believed. Keys that do not fit may be old ones.
    async fn person(
        &self,
        metadata: Arc<Metadata>,
        tokens: &Tokens,
        nonce: Option<String>,
    ) -> Result<Person, ProviderError> {
        let token = tokens.id_token.as_deref();
        let token = token.ok_or_else(|| untrusted(Doubt::Unreadable))?;
        let expected = Expected {
            client_id: &self.settings.client_id,
            nonce,
            now: self.clock.now(),
            skew: self.settings.clock_skew,
        };
        let (metadata, claims) = match statement::believed(token, &metadata, &expected) {
            Err(ProviderError::Untrusted(Doubt::Signature)) => {
                let renewed = self.discovery.renewed(&self.http, &metadata).await?;
                let renewed = renewed.ok_or_else(|| untrusted(Doubt::Signature))?;
                let claims = statement::believed(token, &renewed, &expected)?;
                (renewed, claims)
            }
            claims => (metadata, claims?),
        };
        let path = &self.settings.groups_claim;
        let more = match statement::groups(&claims, path) {
            Some(_) => None,
            None => self.user_info(&metadata, tokens).await?,
        };
        statement::person(metadata.issuer().as_str(), claims, more, path)
    }

    /// What the provider tells about the person where it is asked for: some keep ID tokens short.
    async fn user_info(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
    ) -> Result<Option<Claims>, ProviderError> {
        let endpoint = metadata.userinfo_endpoint();
        let (Some(endpoint), Some(token)) = (endpoint, &tokens.access_token) else {
            return Ok(None);
        };
        let unsent = |error: String| away(&HttpError::Request(error));
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|error| unsent(error.to_string()))?;
        bearer.set_sensitive(true);
        let request = Request::get(endpoint.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer)
            .body(Vec::new())
            .map_err(|error| unsent(error.to_string()))?;
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| away(&error))?;
        if !response.status().is_success() {
            let status = response.status();
            let why = format!("its user info endpoint answers {status}");
            return Err(ProviderError::Unavailable(why));
        }
        let claims = serde_json::from_slice(response.body());
        claims.map(Some).map_err(|_| untrusted(Doubt::Unreadable))
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    fn issuer(&self) -> &str {
        self.discovery.issuer().as_str()
    }

    async fn authorization_url(&self, attempt: &Attempt) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let verifier = PkceCodeVerifier::new(attempt.verifier());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let mut url = metadata.authorization_endpoint().url().clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Person, ProviderError> {
        let metadata = self.metadata().await?;
        let verifier = attempt.verifier();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let granted = self.tokens(&metadata, &fields).await?;
        let tokens = granted.map_err(Refused::into_error)?;
        self.person(metadata, &tokens, Some(attempt.nonce())).await
    }

    async fn start_device(&self) -> Result<DeviceGrant, ProviderError> {
        let metadata = self.metadata().await?;
        let endpoint = &metadata.additional_metadata().device_authorization_endpoint;
        let endpoint =
            (endpoint.as_ref()).ok_or_else(|| missing("device_authorization_endpoint"))?;
        let scope = self.settings.scopes.join(" ");
        let credentials = self.credentials(&metadata);
        let fields = [("scope", scope.as_str())];
        let started = ask(&self.http, endpoint.as_str(), &credentials, &fields).await?;
        let started: DeviceStarted = started.map_err(Refused::into_error)?;
        Ok(DeviceGrant {
            device_code: started.device_code,
            user_code: grant::printable(&started.user_code),
            verification_uri: grant::printable(&started.verification_uri),
            verification_uri_complete: started.verification_uri_complete,
            expires_in_s: started.expires_in,
            interval_s: started.interval.unwrap_or(USUAL_INTERVAL_S),
        })
    }

    async fn poll_device(&self, device_code: &str) -> Result<DevicePoll, ProviderError> {
        let metadata = self.metadata().await?;
        let fields = [("grant_type", DEVICE_GRANT), ("device_code", device_code)];
        match self.tokens(&metadata, &fields).await? {
            Ok(tokens) => {
                let person = self.person(metadata, &tokens, None).await?;
                Ok(DevicePoll::Granted(person))
            }
            Err(refused) => match refused.error.as_str() {
                "authorization_pending" => Ok(DevicePoll::Pending),
                "slow_down" => Ok(DevicePoll::SlowDown),
                _ => Err(refused.into_error()),
            },
        }
    }

    async fn refresh(&self) -> Result<(), ProviderError> {
        self.discovery.refresh(&self.http).await.map(drop)
    }
}

fn missing(what: &str) -> ProviderError {
    ProviderError::Misconfigured(format!("its discovery document names no {what}"))
}
