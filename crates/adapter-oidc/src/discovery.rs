//! What the provider says of itself, and the keys that it signs with: fetched when first needed, renewed
//! when somebody asks for it or a signature does not fit, kept while the provider is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::Request;
use http::header::ACCEPT;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DeviceAuthorizationUrl, IssuerUrl, ProviderMetadata,
};
use pts_ports::ProviderError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::grant::{away, printable};
use crate::http::{Http, HttpError};

/// Where a provider describes itself, below its issuer's URL.
const DOCUMENT: &str = ".well-known/openid-configuration";

/// A signature that does not fit makes the keys be fetched again, but no more often than this.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(5);

/// What RFC 8628 adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeviceFlow {
    pub(crate) device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
}

impl AdditionalProviderMetadata for DeviceFlow {}

/// A provider's discovery document, with its keys.
pub(crate) type Metadata = ProviderMetadata<
    DeviceFlow,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Remembers what the provider said last.
pub(crate) struct Discovery {
    issuer: IssuerUrl,
    known: RwLock<Option<Arc<Metadata>>>,
    /// When it was renewed last because a signature did not fit. Whoever asks holds it, so that one
    /// request serves all who wait.
    renewed: Mutex<Option<Instant>>,
}

impl Discovery {
    pub(crate) fn new(issuer: IssuerUrl) -> Self {
        Self {
            issuer,
            known: RwLock::default(),
            renewed: Mutex::default(),
        }
    }

    pub(crate) const fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// What is known, or what the provider says now.
    pub(crate) async fn known(&self, http: &Http) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(known) = self.remembered() {
            return Ok(known);
        }
        let _alone = self.renewed.lock().await;
        match self.remembered() {
            Some(known) => Ok(known),
            None => self.fetch(http).await,
        }
    }

    /// What the provider says now. What was known before stays known if it does not answer.
    pub(crate) async fn refresh(&self, http: &Http) -> Result<Arc<Metadata>, ProviderError> {
        let _alone = self.renewed.lock().await;
        self.fetch(http).await
    }

    /// Something newer than what did not fit, unless it was asked for a moment ago.
    pub(crate) async fn renewed(
        &self,
        http: &Http,
        unfit: &Arc<Metadata>,
    ) -> Result<Option<Arc<Metadata>>, ProviderError> {
        let mut renewed = self.renewed.lock().await;
        if let Some(known) = self.remembered().filter(|known| !Arc::ptr_eq(known, unfit)) {
            return Ok(Some(known));
        }
        if renewed.is_some_and(|at| at.elapsed() < BETWEEN_RENEWALS) {
            return Ok(None);
        }
        *renewed = Some(Instant::now());
        self.fetch(http).await.map(Some)
    }

    async fn fetch(&self, http: &Http) -> Result<Arc<Metadata>, ProviderError> {
        let fetched = Arc::new(self.discovered(http).await?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::clone(&fetched));
        Ok(fetched)
    }

    async fn discovered(&self, http: &Http) -> Result<Metadata, ProviderError> {
        let place = self.issuer.join(DOCUMENT);
        let place = place.map_err(|error| ProviderError::Misconfigured(error.to_string()))?;
        let metadata: Metadata = document(http, place.as_str()).await?;
        if *metadata.issuer() != self.issuer {
            let (found, expected) = (metadata.issuer().as_str(), self.issuer.as_str());
            let why = format!("it calls itself `{}`, not `{expected}`", printable(found));
            return Err(ProviderError::Misconfigured(why));
        }
        let keys: CoreJsonWebKeySet = document(http, metadata.jwks_uri().as_str()).await?;
        Ok(metadata.set_jwks(keys))
    }

    fn remembered(&self) -> Option<Arc<Metadata>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// A JSON document of the provider's.
async fn document<T: DeserializeOwned>(http: &Http, place: &str) -> Result<T, ProviderError> {
    let request = Request::get(place)
        .header(ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|error| away(&HttpError::Request(error.to_string())))?;
    let response = http.send(request).await.map_err(|error| away(&error))?;
    let status = response.status();
    if !status.is_success() {
        let why = format!("{place} answers {status}");
        return Err(ProviderError::Unavailable(why));
    }
    serde_json::from_slice(response.body())
        .map_err(|error| ProviderError::Unavailable(format!("{place} cannot be read: {error}")))
}
