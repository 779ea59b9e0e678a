//! An identity provider that does as it is told. What a real one does is tried with a real one; this one
//! stands where only our own side is tried.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pts_domain::signin::{Attempt, Person};
use pts_ports::{DeviceGrant, DevicePoll, IdentityProvider, ProviderError};

/// A provider whose answers a test decides.
#[derive(Debug, Default)]
pub struct FakeProvider {
    people: Mutex<HashMap<String, Result<Person, ProviderError>>>,
    polls: Mutex<VecDeque<Result<DevicePoll, ProviderError>>>,
    away: AtomicBool,
}

impl FakeProvider {
    /// How it calls itself.
    pub const ISSUER: &str = "https://login.acme.example";

    /// One that knows nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody in these groups.
    pub fn person(name: &str, groups: &[&str]) -> Person {
        Person {
            issuer: Self::ISSUER.to_owned(),
            subject: format!("u-{name}"),
            name: name.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }

    /// From now on this code is answered so, once.
    pub fn will_redeem(&self, code: &str, answer: Result<Person, ProviderError>) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.insert(code.to_owned(), answer);
    }

    /// Questions for a device are answered so, one after the other; then the codes are too old.
    pub fn will_poll(&self, answers: Vec<Result<DevicePoll, ProviderError>>) {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        *polls = answers.into();
    }

    /// From now on it does not answer, or does again.
    pub fn goes_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn is_there(&self) -> Result<(), ProviderError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(ProviderError::Unavailable("as the test wants it".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl IdentityProvider for FakeProvider {
    fn issuer(&self) -> &str {
        Self::ISSUER
    }

    async fn authorization_url(&self, attempt: &Attempt) -> Result<String, ProviderError> {
        self.is_there()?;
        Ok(format!(
            "{}/authorize?state={}",
            Self::ISSUER,
            attempt.state()
        ))
    }

    async fn redeem(&self, code: &str, _: &Attempt) -> Result<Person, ProviderError> {
        self.is_there()?;
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.remove(code).unwrap_or(Err(ProviderError::Expired))
    }

    async fn start_device(&self) -> Result<DeviceGrant, ProviderError> {
        self.is_there()?;
        Ok(DeviceGrant {
            device_code: "GmRhmhcxhwAzkoEqiMEg".into(),
            user_code: "WDJB-MJHT".into(),
            verification_uri: format!("{}/device", Self::ISSUER),
            verification_uri_complete: None,
            expires_in_s: 600,
            interval_s: 0,
        })
    }

    async fn poll_device(&self, _: &str) -> Result<DevicePoll, ProviderError> {
        self.is_there()?;
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.pop_front().unwrap_or(Err(ProviderError::Expired))
    }

    async fn refresh(&self) -> Result<(), ProviderError> {
        self.is_there()
    }
}
