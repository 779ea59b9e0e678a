//! The service in its own answers.

use std::time::Duration;

use pts_api::actions::services::{GetService, GetServiceInput};
use pts_domain::access::Scope;
use pts_domain::filter::EventFilter;
use pts_ports::EventLog as _;
use pts_services::{CallOptions, Gateway, Itself, OWN_SOURCE, Reporter};
use pts_testkit::fakes::MemoryStore;
use serde_json::json;
use tokio::sync::oneshot;

use super::support::{in_memory, principal};

fn itself() -> Itself {
    Itself {
        service: "pts".into(),
        environment: "production".into(),
        instance: "web1-ab12".into(),
        version: "0.1.0".into(),
        host: Some("web1".into()),
        pid: 7,
        heartbeat: Duration::from_mins(1),
    }
}

async fn types(store: &MemoryStore) -> Vec<String> {
    let page = store
        .search(&EventFilter::default(), None, 1_000)
        .await
        .unwrap();
    let mut events = page.items;
    events.sort_by_key(|event| event.position);
    assert!(events.iter().all(|e| e.event.identity.source == OWN_SOURCE));
    events
        .into_iter()
        .map(|stored| stored.event.event_type)
        .collect()
}

/// Lives for so long, by the clock of the test.
async fn live(gateway: &Gateway, reporter: &mut Reporter<'_>, time: Duration) {
    let _ = gateway;
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async {
        let _ = stopped.await;
    };
    let timer = async {
        tokio::time::sleep(time).await;
        let _ = stop.send(());
    };
    futures::join!(reporter.live(stopping), timer);
}

#[tokio::test(start_paused = true)]
async fn its_life_stands_in_its_own_answers() {
    let (gateway, store) = in_memory();
    let mut reporter = Reporter::new(&gateway, itself());
    live(&gateway, &mut reporter, Duration::from_secs(150)).await;
    let expected = ["registered", "started", "ready", "heartbeat", "heartbeat"];
    assert_eq!(
        types(&store).await,
        expected.map(|verb| format!("service.{verb}"))
    );
    let ask = async || {
        let input: GetServiceInput = serde_json::from_value(json!({ "name": "pts" })).unwrap();
        let reader = principal(&[Scope::EventsRead]);
        let answer = gateway.call::<GetService>(&reader, input, CallOptions::default());
        serde_json::to_value(answer.await.unwrap().data).unwrap()
    };
    let told = ask().await.to_string();
    assert!(
        told.contains("web1-ab12") && told.contains("\"ready\""),
        "{told}"
    );
    reporter.stopped("SIGTERM").await;
    let told = ask().await.to_string();
    assert!(
        told.contains("\"stopped\"") && told.contains("SIGTERM"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_later_and_once() {
    let (gateway, store) = in_memory();
    let mut reporter = Reporter::new(&gateway, itself());
    store.set_available(false);
    let back = async {
        tokio::time::sleep(Duration::from_secs(90)).await;
        store.set_available(true);
    };
    futures::join!(
        live(&gateway, &mut reporter, Duration::from_secs(200)),
        back
    );
    let expected = [
        "registered",
        "started",
        "ready",
        "heartbeat",
        "heartbeat",
        "heartbeat",
    ];
    assert_eq!(
        types(&store).await,
        expected.map(|verb| format!("service.{verb}"))
    );
}
