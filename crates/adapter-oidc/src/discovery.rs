//! What the provider says of itself, and the keys that it signs with: fetched when first needed, renewed
//! when somebody asks for it or a signature does not fit, kept while the provider is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DeviceAuthorizationUrl, DiscoveryError, IssuerUrl, ProviderMetadata,
};
use pts_ports::ProviderError;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::http::{Http, HttpError};

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
    /// When it was asked last; whoever asks holds it, so that one request serves all who wait.
    asked: Mutex<Option<Instant>>,
}

impl Discovery {
    pub(crate) fn new(issuer: IssuerUrl) -> Self {
        Self {
            issuer,
            known: RwLock::default(),
            asked: Mutex::default(),
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
        let mut asked = self.asked.lock().await;
        match self.remembered() {
            Some(known) => Ok(known),
            None => self.fetch(http, &mut asked).await,
        }
    }

    /// What the provider says now. What was known before stays known if it does not answer.
    pub(crate) async fn refresh(&self, http: &Http) -> Result<Arc<Metadata>, ProviderError> {
        let mut asked = self.asked.lock().await;
        self.fetch(http, &mut asked).await
    }

    /// Something newer than what did not fit, unless it was asked for a moment ago.
    pub(crate) async fn renewed(
        &self,
        http: &Http,
        unfit: &Arc<Metadata>,
    ) -> Result<Option<Arc<Metadata>>, ProviderError> {
        let mut asked = self.asked.lock().await;
        if let Some(known) = self.remembered().filter(|known| !Arc::ptr_eq(known, unfit)) {
            return Ok(Some(known));
        }
        if asked.is_some_and(|at| at.elapsed() < BETWEEN_RENEWALS) {
            return Ok(None);
        }
        self.fetch(http, &mut asked).await.map(Some)
    }

    async fn fetch(
        &self,
        http: &Http,
        asked: &mut Option<Instant>,
    ) -> Result<Arc<Metadata>, ProviderError> {
        *asked = Some(Instant::now());
        let send = |request| http.send(request);
        let fetched = Metadata::discover_async(self.issuer.clone(), &send).await;
        let fetched = Arc::new(fetched.map_err(|error| undiscovered(&error))?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::clone(&fetched));
        Ok(fetched)
    }

    fn remembered(&self) -> Option<Arc<Metadata>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

fn undiscovered(error: &DiscoveryError<HttpError>) -> ProviderError {
    match error {
        DiscoveryError::Validation(why) => ProviderError::Misconfigured(why.clone()),
        DiscoveryError::Parse(why) => {
            ProviderError::Unavailable(format!("its discovery document cannot be read: {why}"))
        }
        DiscoveryError::Request(why) => ProviderError::Unavailable(why.to_string()),
        other => ProviderError::Unavailable(other.to_string()),
    }
}
