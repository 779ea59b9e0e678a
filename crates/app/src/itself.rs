//! Who this process says that it is, in the events that it sends of itself.

use std::time::Duration;

use pts_ports::Entropy as _;
use pts_services::{Gateway, Itself, Reporter};
use tokio::sync::oneshot;

use crate::config::Settings;
use crate::system::{self, SystemEntropy};

/// What the configuration says of it, if it shall report itself at all.
pub(crate) fn of(settings: &Settings) -> Option<Itself> {
    let itself = &settings.itself;
    itself.report.then(|| Itself {
        service: itself.service.clone(),
        environment: itself.environment.clone(),
        instance: instance(&itself.instance),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: system::host(),
        pid: std::process::id(),
        heartbeat: Duration::from_secs(itself.heartbeat_s.into()),
    })
}

/// A name that no other process has, unless one was given.
fn instance(given: &str) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    let drawn = SystemEntropy.draw();
    let drawn = hex::encode(&drawn[..5]);
    let host = system::host().unwrap_or_else(|| "pts".to_owned());
    format!("{host}-{drawn}")
}

/// Reports until the end comes, and then that it came.
pub(crate) async fn report(
    gateway: &Gateway,
    itself: Option<Itself>,
    end: oneshot::Receiver<&'static str>,
) {
    let Some(itself) = itself else { return };
    let mut reporter = Reporter::new(gateway, itself);
    let mut reason = "";
    let ending = async {
        reason = end.await.unwrap_or("it ended by itself");
    };
    reporter.live(ending).await;
    reporter.stopped(reason).await;
}
