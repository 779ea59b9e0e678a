//! A real server for each test, over a store in memory, and a client for it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use pts_adapter_http::{HttpSettings, Running};
use pts_client::{Client, ClientOptions, Event};
use pts_domain::access::Scope;
use pts_services::{EventBus, Gateway, NewToken, Parts};
use pts_testkit::fakes::{FixedClock, MemoryStore, SeededEntropy};
use pts_testkit::generate::platform;
use serde_json::json;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) admin: String,
}

impl Server {
    /// A server in front of the platform that examples speak of.
    pub(crate) async fn start() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap()).await
    }

    pub(crate) async fn at(listener: TcpListener) -> Self {
        Self::with(listener, |gateway| gateway).await
    }

    /// With a gateway that is not the usual one.
    pub(crate) async fn with(
        listener: TcpListener,
        change: impl FnOnce(Gateway) -> Gateway,
    ) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())));
        let clock = Arc::new(FixedClock::at(platform::now()));
        let gateway = Gateway::new(Parts::of(
            store.clone(),
            clock,
            Arc::new(SeededEntropy::new(7)),
        ));
        let gateway = Arc::new(change(gateway));
        platform::seed_all(&*store).await;
        gateway.read_record().await.unwrap();
        let settings = HttpSettings {
            workers: Some(1),
            ..HttpSettings::default()
        };
        let running = pts_adapter_http::bind(Arc::clone(&gateway), settings, listener).unwrap();
        let new = NewToken {
            name: "test".into(),
            scopes: BTreeSet::from([Scope::Admin]),
            lasts: Some(chrono::Duration::days(1)),
            ..NewToken::default()
        };
        let (text, _) = gateway.access().create(new).await.unwrap();
        let admin = text.reveal().to_owned();
        Self { running, admin }
    }

    pub(crate) fn options(&self) -> ClientOptions {
        options(self.running.local_addr(), &self.admin)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }
}

/// Short waits, so that tests are quick.
pub(crate) fn options(address: SocketAddr, token: &str) -> ClientOptions {
    let mut options = ClientOptions::new(&format!("http://{address}"), token).unwrap();
    options.first_backoff = Duration::from_millis(5);
    options.longest_backoff = Duration::from_millis(50);
    options
}

pub(crate) fn notice(id: usize) -> Event {
    Event::new("platform.notice", "client")
        .with_id(id.to_string())
        .at(platform::now())
        .with_data(json!({"message": "m"}))
}
