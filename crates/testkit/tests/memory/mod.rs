//! The store in memory, held to what the ports promise.

use std::sync::Arc;

use pts_testkit::contract::Harness;
use pts_testkit::fakes::{DomainProjector, MemoryStore};

fn empty_store() -> Harness {
    Harness::of(Arc::new(MemoryStore::new(Arc::new(DomainProjector))))
}

pts_testkit::contract_suite!(async { empty_store() });

#[test]
fn no_promise_is_forgotten_by_the_suite() {
    let contract = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract");
    let suite = std::fs::read_to_string(contract.join("mod.rs")).unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(contract).unwrap() {
        let file = file.unwrap().path();
        let area = file.file_stem().unwrap().to_str().unwrap();
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let promise = format!("{area}::{}\n", rest.split('(').next().unwrap());
                assert!(suite.contains(&promise), "the suite lacks {promise}");
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} promises were found");
}

mod faults {
    //! The switches with which other tests make the store fail.

    use std::sync::Arc;

    use pts_domain::filter::EventFilter;
    use pts_domain::projection::AggregateKey;
    use pts_ports::{Appended, EventLog, Maintenance, Projections, StoreError, TokenStore};
    use pts_testkit::fakes::{DomainProjector, MemoryStore};
    use pts_testkit::generate::{Sender, minute};
    use serde_json::json;

    fn store() -> MemoryStore {
        MemoryStore::new(Arc::new(DomainProjector))
    }

    #[tokio::test]
    async fn a_store_that_is_away_fails_everywhere_and_comes_back_as_it_was() {
        let store = store();
        let mut sender = Sender::named("away");
        let event = sender.event("com.acme.x", minute(0), json!({}));
        store.append(vec![event.clone()]).await.unwrap();
        store.set_available(false);
        let unavailable = |error| {
            matches!(
                error,
                StoreError::Unavailable {
                    maybe_done: false,
                    ..
                }
            )
        };
        let next = sender.event("com.acme.x", minute(0), json!({}));
        assert!(unavailable(store.append(vec![next]).await.unwrap_err()));
        assert!(unavailable(store.ready().await.unwrap_err()));
        assert!(unavailable(store.head().await.unwrap_err()));
        assert!(unavailable(store.get(event.id).await.unwrap_err()));
        assert!(unavailable(
            store.services(None, None, 1).await.unwrap_err()
        ));
        assert!(unavailable(store.list(1).await.unwrap_err()));
        assert!(unavailable(store.verify().await.unwrap_err()));
        store.set_available(true);
        assert_eq!(store.head().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_failure_to_come_is_met_once() {
        let store = store();
        let mut sender = Sender::named("once");
        let event = sender.event("com.acme.x", minute(0), json!({}));
        store.fail_next(StoreError::Corrupt("a page".to_owned()));
        let error = store.append(vec![event.clone()]).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)));
        assert_eq!(store.head().await.unwrap(), 0);
        store.fail_after_next_append(StoreError::Unavailable {
            reason: "the answer was lost".to_owned(),
            maybe_done: true,
        });
        assert!(store.append(vec![event.clone()]).await.is_err());
        let outcome = store.append(vec![sender.again(&event)]).await.unwrap();
        assert!(matches!(outcome[0], Appended::Repeat { id, .. } if id == event.id));
    }

    #[tokio::test]
    async fn upkeep_finds_what_was_tampered_with() {
        let store = store();
        let mut sender = Sender::named("tamper");
        let batch = vec![
            sender.deployment("succeeded", "a", "d", minute(0), json!({"version": "1"})),
            sender.event("com.acme.x", minute(0), json!({"n": 1})),
        ];
        store.append(batch).await.unwrap();
        store.tamper_with_projection(&AggregateKey::Service {
            service: "a".to_owned(),
        });
        let found = store.check().await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].projection, &*found[0].kind),
            ("platform.services", "missing")
        );
        store.rebuild().await.unwrap();
        assert_eq!(store.check().await.unwrap(), []);
        store.tamper_with_event(2, |stored| stored.event.data = json!({"n": 2}));
        let report = store.verify().await.unwrap();
        assert_eq!(report.faults, ["2: the content is not what was written"]);
        let tail = store.after(1, &EventFilter::default(), 1).await.unwrap();
        assert_eq!(tail.events[0].event.data, json!({"n": 2}));
    }
}
