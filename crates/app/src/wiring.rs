//! Which part is plugged into which.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use pts_adapter_outbound::HttpOutbound;
use pts_adapter_postgres::{
    PgAccounting, PgAuditLog, PgBlindSpots, PgConfirmations, PgElevations, PgEventLog,
    PgMaintenance, PgPool, PgProjections, PgQuarantine, PgRetention, PgTokenStore,
};
use pts_domain::access::Roles;
use pts_ports::{Clock, Maintenance, PolicyEngine};
use pts_services::{Access, Audit, EventBus, Gateway, Parts, Retention, governed_actions};

use crate::config::Settings;
use crate::system::{self, SystemClock, SystemEntropy};

/// What the audit calls making a token.
pub(crate) const CREATE_TOKEN: &str = "platform.tokens.create";
/// What it calls ending one.
pub(crate) const REVOKE_TOKEN: &str = "platform.tokens.revoke";

fn bus() -> Arc<EventBus> {
    Arc::new(EventBus::with_domain_handlers())
}

/// Who may do what, as the configuration says.
pub(crate) struct Governance {
    roles: Roles,
    policies: Arc<dyn PolicyEngine>,
}

/// Reads roles and policies; what is wrong with them refuses the start.
pub(crate) fn governance(settings: &Settings) -> Result<Governance> {
    let file = settings.access.file();
    let policies = pts_adapter_cedar::policies(&governed_actions(), file, SystemClock.now());
    let policies = policies.with_context(|| {
        let file = settings.access.policies.display();
        format!("access.policies: {file}")
    })?;
    Ok(Governance {
        roles: settings.roles()?,
        policies,
    })
}

impl Governance {
    /// The same service, governed.
    pub(crate) fn over(self, gateway: Gateway) -> Gateway {
        gateway.governed(self.roles, self.policies)
    }
}

/// The machine's clock, for whoever else needs it.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The service over a database.
pub(crate) fn gateway(pool: &PgPool) -> Gateway {
    let log = PgEventLog::new(pool.clone(), bus());
    let gateway = Gateway::new(Parts {
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
        audit: Arc::new(PgAuditLog::new(pool.clone())),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    });
    gateway.audit().console_is(system::account());
    gateway
}

/// The audit alone, for commands that do something without a gateway.
pub(crate) fn audit(pool: &PgPool) -> Arc<Audit> {
    let store = Arc::new(PgAuditLog::new(pool.clone()));
    let audit = Audit::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy));
    audit.console_is(system::account());
    Arc::new(audit)
}

/// Tokens alone, for the commands about them.
pub(crate) fn access(pool: &PgPool, roles: Roles) -> Access {
    let tokens = Arc::new(PgTokenStore::new(pool.clone()));
    Access::new(tokens, Arc::new(SystemClock), Arc::new(SystemEntropy)).with_roles(roles)
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
