//! Rights for a while: asked for, decided on by others, given back. What may be done is decided in
//! `pts_domain::access`; here it is written down, one step after the other.

use pts_api::actions::elevations::{
    DecideElevation, DecideElevationInput, ElevationRecord, EndElevation, EndElevationInput,
    MyElevations, MyElevationsInput, RequestElevation, RequestElevationInput, SearchElevations,
    SearchElevationsInput, Verdict,
};
use pts_domain::access::{
    Elevation, ElevationState, Principal, Scope, Step, StepKind, StepRefused,
};
use pts_domain::filter::Cursor;
use pts_domain::{Timestamp, reason};
use pts_ports::{ElevationQuery, new_id};
use uuid::Uuid;

use super::period;
use super::quarantine::place;
use crate::coverage::{Found, Question, found};
use crate::gateway::{console, limit};
use crate::{ActionError, Gateway, UseCase};

/// Requests of one holder that may be open at the same time.
const MOST_OPEN: usize = 10;
/// Pages that are looked through for one answer.
const MOST_PAGES: usize = 20;
/// How often a step is taken again because somebody else took one at the same time.
const MOST_TRIES: usize = 10;

impl UseCase<RequestElevation> for Gateway {
    async fn run(
        &self,
        input: RequestElevationInput,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        UseCase::<RequestElevation>::run_for(self, &console(), input).await
    }

    async fn run_for(
        &self,
        by: &Principal,
        input: RequestElevationInput,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        let now = self.now();
        let who = (new_id(&*self.entropy, now), by, now);
        let scopes = input.scopes.into_iter().collect();
        let asked = self
            .elevating
            .rules
            .request(who, scopes, &input.reason, input.minutes);
        let elevation = asked.map_err(ActionError::Invalid)?;
        self.has_room(&elevation).await?;
        self.elevating.store.request(elevation.clone()).await?;
        self.elevating.forget();
        tracing::info!(
            elevation = %elevation.id, holder = %elevation.holder, scopes = ?elevation.scopes,
            minutes = elevation.minutes, needed = elevation.needed, "an elevation is asked for"
        );
        let held = elevation.scopes.iter().filter(|scope| by.may(**scope));
        let held: Vec<_> = held
            .map(|scope| format!("{scope} is held already"))
            .collect();
        let mut answer = told(elevation, now);
        answer.warnings = held;
        Ok(answer)
    }
}

impl UseCase<MyElevations> for Gateway {
    async fn run(
        &self,
        input: MyElevationsInput,
    ) -> Result<Found<Vec<ElevationRecord>>, ActionError> {
        UseCase::<MyElevations>::run_for(self, &console(), input).await
    }

    async fn run_for(
        &self,
        by: &Principal,
        input: MyElevationsInput,
    ) -> Result<Found<Vec<ElevationRecord>>, ActionError> {
        let query = ElevationQuery {
            holder: Some(by.holder()),
            ..ElevationQuery::default()
        };
        let place = (input.cursor, input.limit);
        self.listed(by, query, place, (input.state, None)).await
    }
}

impl UseCase<SearchElevations> for Gateway {
    async fn run(
        &self,
        input: SearchElevationsInput,
    ) -> Result<Found<Vec<ElevationRecord>>, ActionError> {
        UseCase::<SearchElevations>::run_for(self, &console(), input).await
    }

    async fn run_for(
        &self,
        by: &Principal,
        input: SearchElevationsInput,
    ) -> Result<Found<Vec<ElevationRecord>>, ActionError> {
        let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
        let query = ElevationQuery {
            holder: input.holder,
            since,
            until,
            ..ElevationQuery::default()
        };
        let place = (input.cursor, input.limit);
        self.listed(by, query, place, (input.state, input.scope))
            .await
    }
}

impl UseCase<DecideElevation> for Gateway {
    async fn run(
        &self,
        input: DecideElevationInput,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        UseCase::<DecideElevation>::run_for(self, &console(), input).await
    }

    async fn run_for(
        &self,
        by: &Principal,
        input: DecideElevationInput,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        let why = reason::read("reason", &input.reason);
        let why = why.map_err(|error| ActionError::Invalid(vec![error]))?;
        let what = match input.verdict {
            Verdict::Approve => StepKind::Approved,
            Verdict::Deny => StepKind::Denied,
        };
        let holder = by.holder();
        self.step(by, input.id, (what, Some(why)), |elevation, now| {
            match what {
                StepKind::Approved => elevation.may_approve(&holder, now),
                StepKind::Denied | StepKind::Ended => elevation.may_deny(&holder, now),
            }
            .map_err(refused)
        })
        .await
    }
}

impl UseCase<EndElevation> for Gateway {
    async fn run(&self, input: EndElevationInput) -> Result<Found<ElevationRecord>, ActionError> {
        UseCase::<EndElevation>::run_for(self, &console(), input).await
    }

    async fn run_for(
        &self,
        by: &Principal,
        input: EndElevationInput,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        let why = input
            .reason
            .map(|why| reason::read("reason", &why))
            .transpose();
        let why = why.map_err(|error| ActionError::Invalid(vec![error]))?;
        let holder = by.holder();
        self.step(by, input.id, (StepKind::Ended, why), |elevation, now| {
            // Whose it is, is not told to those who may not see it.
            if elevation.holder != holder && !by.may(Scope::AccessManage) {
                return Err(unknown(elevation.id));
            }
            elevation.may_end(now).map_err(refused)
        })
        .await
    }
}

impl Gateway {
    /// Nobody fills the list of those who decide.
    async fn has_room(&self, elevation: &Elevation) -> Result<(), ActionError> {
        let now = elevation.requested_at;
        let query = ElevationQuery {
            holder: Some(elevation.holder.clone()),
            open_at: Some(now),
            ..ElevationQuery::default()
        };
        let known = self.elevating.store.search(&query, None, 1_000).await?;
        let open = known.items.iter().filter(|one| !one.state(now).is_over());
        if open.count() < MOST_OPEN {
            return Ok(());
        }
        Err(ActionError::Conflict {
            code: "too_many_open",
            detail: format!("{MOST_OPEN} requests are open: end some of them first"),
        })
    }

    /// Takes a step that `may` allows, behind those that it was allowed after.
    async fn step(
        &self,
        by: &Principal,
        id: Uuid,
        (what, why): (StepKind, Option<String>),
        may: impl Fn(&Elevation, Timestamp) -> Result<(), ActionError> + Send + Sync,
    ) -> Result<Found<ElevationRecord>, ActionError> {
        for _ in 0..MOST_TRIES {
            let known = self.elevating.store.get(id).await?;
            let known = known.filter(|one| one.is_visible_to(by));
            let mut elevation = known.ok_or_else(|| unknown(id))?;
            let now = self.now();
            may(&elevation, now)?;
            let step = Step {
                what,
                by: by.holder(),
                name: by.name.clone(),
                reason: why.clone(),
                at: now,
            };
            let before = elevation.steps.len();
            if self.elevating.store.step(id, before, step.clone()).await? {
                self.elevating.forget();
                elevation.steps.push(step);
                tracing::info!(elevation = %id, ?what, by = %by.holder(), "a step was taken");
                return Ok(told(elevation, now));
            }
        }
        Err(ActionError::Conflict {
            code: "changed_meanwhile",
            detail: "others decide on it at the same time; try again".to_owned(),
        })
    }

    /// A page of requests that somebody may see.
    async fn listed(
        &self,
        by: &Principal,
        query: ElevationQuery,
        (cursor, most): (Option<String>, Option<usize>),
        (state, scope): (Option<ElevationState>, Option<Scope>),
    ) -> Result<Found<Vec<ElevationRecord>>, ActionError> {
        let (now, most) = (self.now(), limit(most)?);
        let mut next = place(cursor.as_deref())?;
        let query = ElevationQuery {
            workspace: by.bound.then(|| by.workspace.clone()),
            open_at: state.filter(|state| !state.is_over()).map(|_| now),
            ..query
        };
        let wanted = |one: &Elevation| {
            state.is_none_or(|state| state == one.state(now))
                && scope.is_none_or(|scope| one.scopes.contains(&scope))
        };
        let mut records = Vec::new();
        for _ in 0..MOST_PAGES {
            let room = most - records.len();
            let page = self
                .elevating
                .store
                .search(&query, next.take(), room)
                .await?;
            next = page.next;
            let fitting = page.items.into_iter().filter(wanted);
            records.extend(fitting.map(|one| ElevationRecord::of(one, now)));
            if records.len() == most || next.is_none() {
                break;
            }
        }
        let rows = records.len() as u64;
        let mut answer = found(records, Question::itself());
        answer.rows = rows;
        answer.next_cursor = next.as_ref().map(Cursor::to_string);
        Ok(answer)
    }
}

fn told(elevation: Elevation, now: Timestamp) -> Found<ElevationRecord> {
    found(ElevationRecord::of(elevation, now), Question::itself())
}

fn unknown(id: Uuid) -> ActionError {
    ActionError::NotFound {
        what: format!("the elevation {id}"),
    }
}

fn refused(why: StepRefused) -> ActionError {
    let detail = why.to_string();
    let code = match why {
        StepRefused::Own => {
            let code = "own_request";
            return ActionError::Forbidden { code, detail };
        }
        StepRefused::Twice => "approved_before",
        StepRefused::Approved => "approved_already",
        StepRefused::Over(_) => "elevation_over",
    };
    ActionError::Conflict { code, detail }
}
