//! Which part is plugged into which.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use pts_adapter_outbound::HttpOutbound;
use pts_adapter_postgres::{
    PgAccounting, PgBlindSpots, PgConfirmations, PgElevations, PgEventLog, PgMaintenance, PgPool,
    PgProjections, PgQuarantine, PgRetention, PgTokenStore,
};
use pts_ports::{Clock, Maintenance};
use pts_services::{Access, EventBus, Gateway, Parts, Retention};

use crate::config::Settings;
use crate::system::{SystemClock, SystemEntropy};

fn bus() -> Arc<EventBus> {
    Arc::new(EventBus::with_domain_handlers())
}

/// The machine's clock, for whoever else needs it.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The service over a database.
pub(crate) fn gateway(pool: &PgPool) -> Gateway {
    let log = PgEventLog::new(pool.clone(), bus());
    Gateway::new(Parts {
        projections: Arc::new(PgProjections::of(&log)),
        log: Arc::new(log),
        tokens: Arc::new(PgTokenStore::new(pool.clone())),
        elevations: Arc::new(PgElevations::new(pool.clone())),
        confirmations: Arc::new(PgConfirmations::new(pool.clone())),
        retention: Arc::new(PgRetention::new(pool.clone())),
        maintenance: Arc::new(maintenance(pool)),
        accounting: Arc::new(PgAccounting::new(pool.clone())),
        quarantine: Arc::new(PgQuarantine::new(pool.clone())),
        blind_spots: Arc::new(PgBlindSpots::new(pool.clone())),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
}

/// Tokens alone, for the commands about them.
pub(crate) fn access(pool: &PgPool) -> Access {
    let tokens = Arc::new(PgTokenStore::new(pool.clone()));
    Access::new(tokens, Arc::new(SystemClock), Arc::new(SystemEntropy))
}

/// Upkeep of the log and the projections.
pub(crate) fn maintenance(pool: &PgPool) -> impl Maintenance + use<> {
    PgMaintenance::new(pool.clone(), bus())
}

/// What goes from the log.
pub(crate) fn retention(pool: &PgPool) -> Retention {
    let store = Arc::new(PgRetention::new(pool.clone()));
    Retention::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy))
}

/// Calls to addresses that others name.
pub(crate) fn outbound(settings: &Settings) -> Result<HttpOutbound> {
    HttpOutbound::new(settings.outbound.settings()?).context("outbound.ca_file")
}
