//! What a running service does for those who come in: it knows the identity provider and the services
//! with certificates, watches the provider, and takes a new certificate when it is told to.

use std::sync::Arc;

use anyhow::Result;
use pts_adapter_http::{Tls, refresh_tls};
use pts_services::Gateway;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::wiring;

/// The gateway with everybody whom the configuration lets in.
pub(crate) fn open(gateway: Gateway, settings: &Settings) -> Result<Gateway> {
    let lifetimes = settings.sessions.lifetimes()?;
    let gateway = gateway.letting_in(lifetimes, settings.tls.identities());
    let sign_in = settings
        .oidc
        .sign_in(&settings.public_url, wiring::clock())?;
    Ok(match sign_in {
        Some(sign_in) => gateway.signing_in(sign_in),
        None => gateway,
    })
}

/// Watches the provider; and on SIGHUP, looks for a new certificate at once.
pub(crate) fn keep(gateway: &Arc<Gateway>, tls: Option<Arc<Tls>>) -> Result<JoinHandle<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let gateway = Arc::clone(gateway);
    Ok(tokio::spawn(async move {
        let refreshing = async {
            // Without a certificate there is nothing to do, and no reason to end either.
            while hangup.recv().await.is_some() {
                if let Some(tls) = &tls {
                    refresh_tls(tls).await;
                }
            }
        };
        tokio::join!(gateway.keep_provider(std::future::pending()), refreshing);
    }))
}
