//! The service over a database, put together as the server puts it together, and the token that it
//! is called with.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use pts_adapter_postgres::{
    DatabaseSettings, PgAccounting, PgBlindSpots, PgEventLog, PgProjections, PgQuarantine,
    PgTokenStore, connect,
};
use pts_domain::access::{Origin, Principal};
use pts_domain::{Timestamp, time};
use pts_ports::{Clock, Entropy};
use pts_services::{EventBus, Gateway, Parts};

/// Where the service is found, and how it is called.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The database, migrated
    #[arg(long)]
    database_url: String,

    /// A file with the token to call it with
    #[arg(long)]
    token_file: PathBuf,
}

/// A gateway, and how one comes in.
pub(crate) struct Service {
    pub(crate) gateway: Gateway,
    token: String,
}

impl Service {
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        let pool = connect(&DatabaseSettings::new(&place.database_url))?;
        let bus = Arc::new(EventBus::with_domain_handlers());
        let log = PgEventLog::new(pool.clone(), bus);
        let gateway = Gateway::new(Parts {
            projections: Arc::new(PgProjections::of(&log)),
            log: Arc::new(log),
            tokens: Arc::new(PgTokenStore::new(pool.clone())),
            accounting: Arc::new(PgAccounting::new(pool.clone())),
            quarantine: Arc::new(PgQuarantine::new(pool.clone())),
            blind_spots: Arc::new(PgBlindSpots::new(pool)),
            clock: Arc::new(Machine),
            entropy: Arc::new(Machine),
        });
        gateway.warm_up().await?;
        let token = fs::read_to_string(&place.token_file)
            .with_context(|| place.token_file.display().to_string())?;
        let token = token.trim().to_owned();
        Ok(Self { gateway, token })
    }

    /// Who calls, as it is found out for every request.
    pub(crate) async fn caller(&self) -> Result<Principal> {
        Ok(self
            .gateway
            .authenticate(&self.token, Origin::default())
            .await?)
    }
}

/// The machine's clock and randomness.
struct Machine;

impl Clock for Machine {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured happens at this very moment"
    )]
    fn now(&self) -> Timestamp {
        time::to_micros(chrono::Utc::now())
    }
}

impl Entropy for Machine {
    #[expect(clippy::expect_used, reason = "without randomness there are no ids")]
    fn draw(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }
}
