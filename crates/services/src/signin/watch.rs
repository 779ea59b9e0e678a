//! Whether the provider is there, asked now and then: an operator is to know before people do, and keys
//! that the provider has withdrawn are not to be believed any longer.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Gateway;

/// How often a provider that answers is asked.
const USUALLY: Duration = Duration::from_mins(1);
/// How often one is asked that does not.
const WHILE_AWAY: Duration = Duration::from_secs(10);

/// What is said of a provider that does not answer: nobody has to prove who they are to read it.
const PROVIDER_AWAY: &str = "sign_in_provider";

impl Gateway {
    /// Asks the identity provider now and then, until `end`.
    pub async fn keep_provider(&self, end: impl Future<Output = ()> + Send) {
        let Some(sign_in) = &self.sign_in else { return };
        let mut end = pin!(end);
        loop {
            let asking = async {
                let answer = sign_in.provider.refresh().await;
                let wait = match sign_in.heard(answer) {
                    Ok(()) => USUALLY,
                    Err(_) => WHILE_AWAY,
                };
                tokio::time::sleep(wait).await;
            };
            tokio::select! {
                () = asking => {}
                () = &mut end => return,
            }
        }
    }

    /// What does not work although events can be stored, in stable words.
    pub fn degraded(&self) -> Vec<&'static str> {
        let away = |sign_in: &super::SignIn| !sign_in.reachable.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        if self.sign_in.as_ref().is_some_and(away) {
            reasons.push(PROVIDER_AWAY);
        }
        reasons
    }
}
