//! What may be asked for, and how many have to agree.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use uuid::Uuid;

use super::Elevation;
use crate::access::{Principal, Scope};
use crate::{FieldError, Timestamp, reason};

/// The rules of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElevationRules {
    /// Minutes that may be asked for.
    pub most_minutes: u32,
    /// Minutes in which others have to decide.
    pub decide_within_minutes: u32,
    /// How many have to approve, where nothing else is said of a scope; with 0, a reason is enough.
    pub approvals: u32,
    /// How many have to approve some scopes.
    pub approvals_of: BTreeMap<Scope, u32>,
}

impl Default for ElevationRules {
    fn default() -> Self {
        Self {
            most_minutes: 60,
            decide_within_minutes: 60,
            approvals: 1,
            approvals_of: BTreeMap::new(),
        }
    }
}

impl ElevationRules {
    /// How many have to approve these scopes together: as many as the one that needs the most.
    pub fn needed(&self, scopes: &BTreeSet<Scope>) -> u32 {
        let of = |scope| self.approvals_of.get(scope).copied();
        let each = scopes
            .iter()
            .map(|scope| of(scope).unwrap_or(self.approvals));
        each.max().unwrap_or(self.approvals)
    }

    /// A request as somebody makes it.
    ///
    /// # Errors
    /// What is wrong with it, all of it.
    pub fn request(
        &self,
        (id, by, now): (Uuid, &Principal, Timestamp),
        scopes: BTreeSet<Scope>,
        why: &str,
        minutes: u32,
    ) -> Result<Elevation, Vec<FieldError>> {
        let mut errors = Vec::new();
        if scopes.is_empty() {
            errors.push(FieldError::invalid("scopes", "none", "one or more scopes"));
        }
        if !(1..=self.most_minutes).contains(&minutes) {
            let expected = format!("1 to {}", self.most_minutes);
            errors.push(FieldError::invalid("minutes", minutes, expected));
        }
        let reason = reason::read("reason", why);
        let reason = reason
            .map_err(|error| errors.push(error))
            .unwrap_or_default();
        if !errors.is_empty() {
            return Err(errors);
        }
        let waits = Duration::minutes(i64::from(self.decide_within_minutes));
        Ok(Elevation {
            id,
            holder: by.holder(),
            name: by.name.clone(),
            workspace: by.bound.then(|| by.workspace.clone()),
            needed: self.needed(&scopes),
            scopes,
            reason,
            minutes,
            requested_at: now,
            decide_by: now + waits,
            steps: Vec::new(),
        })
    }
}
