//! Checkpoints that are told in several places, of which some are away for a while.

use std::sync::Arc;

use pts_domain::access::{Principal, Scope};
use pts_domain::audit::{Checkpoint, Hash, Head, SigningKey};
use pts_ports::{AuditLog as _, CheckpointSink};
use pts_services::{Checkpointer, Gateway, NotSigned};
use pts_testkit::fakes::MemoryStore;

use crate::audit::{Drawer, declare, key, somebody};
use crate::support::in_memory;

/// A service whose checkpoints are told in two places.
struct Scene {
    gateway: Gateway,
    store: Arc<MemoryStore>,
    by: Principal,
    places: [Arc<Drawer>; 2],
}

impl Scene {
    fn new() -> Self {
        let (gateway, store) = in_memory();
        Self {
            gateway,
            store,
            by: somebody(&[Scope::Admin]),
            places: Default::default(),
        }
    }

    /// A process that signs.
    fn process(&self) -> Checkpointer {
        let places = self.places.clone();
        let places = places.map(|place| -> Arc<dyn CheckpointSink> { place });
        Checkpointer::new(Arc::clone(self.gateway.audit()), key(), places)
    }

    /// Has something new written down that is not refused even while the audit is closed.
    async fn something_new(&self) {
        let by = somebody(&[]);
        declare(&self.gateway, &by).await.unwrap_err();
        self.gateway.audit().flush().await.unwrap();
    }

    fn told(&self) -> [Vec<i64>; 2] {
        let told = |place: &Drawer| {
            let kept = place.kept.lock().unwrap();
            kept.iter().map(|one| one.sequence).collect()
        };
        [told(&self.places[0]), told(&self.places[1])]
    }

    async fn is_away(&self, process: &Checkpointer) {
        let round = process.round().await;
        assert!(matches!(round, Err(NotSigned::Away(_))), "{round:?}");
        assert_eq!(self.gateway.degraded(), ["audit_unavailable"]);
    }
}

#[tokio::test]
async fn a_place_that_was_away_is_told_all_that_it_missed_and_keeps_no_other_from_it() {
    let scene = Scene::new();
    let mut process = scene.process();
    declare(&scene.gateway, &scene.by).await.unwrap();
    process.round().await.unwrap();
    assert_eq!(scene.told(), [vec![2], vec![2]]);

    for away in [0, 1] {
        scene.places[away].stick(true);
        let before = scene.told();
        for _ in 0..3 {
            scene.something_new().await;
            scene.is_away(&process).await;
        }
        let [missed, heard] = [away, 1 - away].map(|at| scene.told()[at].len() - before[at].len());
        assert_eq!((missed, heard), (0, 3));
        scene.places[away].stick(false);
        // Another process goes on where the one before it was.
        if away == 1 {
            assert_eq!(process.failures()(), 6);
            process = scene.process();
        }
        process.round().await.unwrap();
        assert!(scene.gateway.degraded().is_empty());
    }
    assert_eq!(
        scene.told(),
        [vec![2, 3, 4, 5, 6, 7, 8], vec![2, 3, 4, 5, 6, 7, 8]]
    );
    assert!((scene.places[0].kept.lock().unwrap().iter()).all(|one| one.is_by(&key().public())));
}

#[tokio::test]
async fn a_place_that_is_new_begins_with_the_last_and_is_not_told_what_others_signed() {
    let scene = Scene::new();
    let other = SigningKey::from_seed(&[9; 32]).unwrap();
    let stranger = Checkpointer::new(Arc::clone(scene.gateway.audit()), other, None);
    let alone = Checkpointer::new(Arc::clone(scene.gateway.audit()), key(), None);
    for _ in 0..3 {
        declare(&scene.gateway, &scene.by).await.unwrap();
        alone.round().await.unwrap();
        stranger.round().await.unwrap();
    }
    let process = scene.process();
    process.round().await.unwrap();
    assert_eq!(scene.told(), [vec![6], vec![6]]);
    for place in &scene.places {
        place.stick(true);
    }
    for _ in 0..2 {
        scene.something_new().await;
        stranger.round().await.unwrap();
        scene.is_away(&process).await;
    }
    for place in &scene.places {
        place.stick(false);
    }
    process.round().await.unwrap();
    assert_eq!(scene.told(), [vec![6, 7, 8], vec![6, 7, 8]]);
}

#[tokio::test]
async fn what_somebody_put_among_what_was_missed_is_not_told() {
    let scene = Scene::new();
    let process = scene.process();
    declare(&scene.gateway, &scene.by).await.unwrap();
    process.round().await.unwrap();
    let head = Head {
        sequence: 3,
        hash: Hash([7; 32]),
    };
    let forger = SigningKey::from_seed(&[9; 32]).unwrap();
    let forged = Checkpoint::sign(head, chrono::DateTime::UNIX_EPOCH, &forger).unwrap();
    let forged = Checkpoint {
        key: key().public().id(),
        ..forged
    };
    scene.store.keep_checkpoint(&forged).await.unwrap();
    declare(&scene.gateway, &scene.by).await.unwrap();
    let round = process.round().await;
    assert!(matches!(round, Err(NotSigned::Tampered(_))), "{round:?}");
    assert_eq!(scene.told(), [vec![2], vec![2]]);
    assert_eq!(scene.gateway.degraded(), ["audit_unavailable"]);
}
