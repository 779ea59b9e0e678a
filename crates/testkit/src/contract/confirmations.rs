//! What the store of confirmations promises: found by hash, used once, forgotten when it is over.

use pts_domain::access::Confirmation;
use uuid::Uuid;

use super::Harness;
use crate::generate::minute;

fn confirmation(n: u8) -> Confirmation {
    Confirmation {
        hash: [n; 32],
        principal: Uuid::from_u128(u128::from(n)),
        action: format!("platform.äction.{n}"),
        input: [255 - n; 32],
        state: [n / 2; 32],
        made_at: minute(i64::from(n)),
        expires_at: minute(i64::from(n) + 5),
        used_at: None,
    }
}

/// A confirmation is found as it was kept, and used by one of many.
pub async fn a_confirmation_is_used_once(store: Harness) {
    let kept = confirmation(1);
    store
        .confirmations
        .keep(kept.clone(), minute(1))
        .await
        .unwrap();
    store
        .confirmations
        .keep(confirmation(2), minute(2))
        .await
        .unwrap();
    let find = async |hash| store.confirmations.find(hash).await.unwrap();
    assert_eq!(find(kept.hash).await, Some(kept.clone()));
    assert_eq!(find([9; 32]).await, None);
    let using = (0..8).map(|_| store.confirmations.spend(kept.hash, minute(3)));
    let used = futures::future::join_all(using).await;
    assert_eq!(
        used.into_iter()
            .filter(|used| *used.as_ref().unwrap())
            .count(),
        1
    );
    assert_eq!(find(kept.hash).await.unwrap().used_at, Some(minute(3)));
    assert_eq!(find(confirmation(2).hash).await.unwrap().used_at, None);
    assert!(!store.confirmations.spend([9; 32], minute(3)).await.unwrap());
}

/// After its time it cannot be used, and the next one that comes is the end of it.
pub async fn a_confirmation_that_is_over_is_forgotten(store: Harness) {
    let old = confirmation(1);
    store
        .confirmations
        .keep(old.clone(), minute(1))
        .await
        .unwrap();
    assert!(
        !store
            .confirmations
            .spend(old.hash, minute(6))
            .await
            .unwrap()
    );
    assert_eq!(
        store.confirmations.find(old.hash).await.unwrap(),
        Some(old.clone())
    );
    store
        .confirmations
        .keep(confirmation(7), minute(6))
        .await
        .unwrap();
    assert_eq!(store.confirmations.find(old.hash).await.unwrap(), None);
    assert!(
        store
            .confirmations
            .find(confirmation(7).hash)
            .await
            .unwrap()
            .is_some()
    );
}
