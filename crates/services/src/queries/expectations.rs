//! Who is expected to report.

use pts_api::actions::expectations::{
    ExpectedSource, ListExpectations, ListExpectationsInput, Origin, RemoveExpectation,
    RemoveExpectationInput, RemovedExpectation, ReporterState, SetExpectation, SetExpectationInput,
};
use pts_domain::FieldError;
use pts_domain::blind::{Expectation, Hearing};
use pts_domain::filter::{Cursor, Page};

use crate::blind::Standing;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// Sources that may be declared.
const MOST_DECLARED: u64 = 10_000;
/// Bytes of a source's name.
const LONGEST_SOURCE: usize = 1_024;
/// The rarest report that can be expected: once in 31 days.
const RAREST_S: u32 = 31 * 86_400;

impl Gateway {
    fn standing(&self) -> Vec<ExpectedSource> {
        let now = self.now();
        let listening_since = self.receiving.listening_since(now);
        let standing = self
            .reporters
            .standing(&self.workspace, now, listening_since);
        standing.into_iter().filter_map(shown).collect()
    }

    fn standing_of(&self, source: &str) -> Option<ExpectedSource> {
        let mut all = self.standing().into_iter();
        all.find(|one| one.source == source)
    }
}

fn shown(standing: Standing) -> Option<ExpectedSource> {
    let (state, every_s) = match standing.hearing {
        Hearing::Unknown => return None,
        Hearing::Heard { every_s } => (ReporterState::Ok, every_s),
        Hearing::Silent { every_s } if standing.heard_at.is_none() => {
            (ReporterState::NeverHeard, every_s)
        }
        Hearing::Silent { every_s } => (ReporterState::Silent, every_s),
        Hearing::Gone { every_s, .. } => (ReporterState::Gone, every_s),
    };
    Some(ExpectedSource {
        source: standing.source,
        state,
        every_s,
        origin: if standing.declared {
            Origin::Declared
        } else {
            Origin::Learned
        },
        heard_at: standing.heard_at,
    })
}

impl UseCase<ListExpectations> for Gateway {
    async fn run(
        &self,
        input: ListExpectationsInput,
    ) -> Result<Found<Vec<ExpectedSource>>, ActionError> {
        let limit = limit(input.limit)?;
        let behind = match cursor(input.cursor.as_deref(), CursorKind::Name(1))? {
            Some(Cursor::Name(parts)) => parts.into_iter().next(),
            _ => None,
        };
        let wanted = |one: &ExpectedSource| {
            behind.as_ref().is_none_or(|behind| one.source > *behind)
                && input.state.is_none_or(|state| state == one.state)
        };
        let mut all = self.standing();
        all.retain(wanted);
        all.truncate(limit + 1);
        let after = |one: &ExpectedSource| Cursor::Name(vec![one.source.clone()]);
        let sources = Page::cut(all, limit, after);
        Ok(page(sources, Question::itself(), |source| source))
    }
}

impl UseCase<SetExpectation> for Gateway {
    async fn run(&self, input: SetExpectationInput) -> Result<Found<ExpectedSource>, ActionError> {
        let SetExpectationInput { source, every_s } = input;
        let fits = (1..=LONGEST_SOURCE).contains(&source.len());
        if !fits || source.chars().any(char::is_control) {
            let expected = format!("1 to {LONGEST_SOURCE} bytes of printable text");
            return Err(invalid("source", format!("{source:?}"), expected));
        }
        if !(1..=RAREST_S).contains(&every_s) {
            return Err(invalid("every_s", every_s, format!("1 to {RAREST_S}")));
        }
        let expectation = Expectation {
            source: source.clone(),
            every_s,
            since: self.now(),
        };
        let here = &self.workspace;
        let taken = self.blind_spots.expect(here, &expectation, MOST_DECLARED);
        if !taken.await? {
            let expected = format!(
                "one of those that are declared already: there are {MOST_DECLARED}, and no more fit"
            );
            return Err(invalid("source", format!("{source:?}"), expected));
        }
        self.reporters.expect_one(here, expectation);
        tracing::info!(source, every_s, "a source is expected to report");
        let standing = self.standing_of(&source).ok_or(ActionError::Internal)?;
        Ok(found(standing, Question::itself()))
    }
}

impl UseCase<RemoveExpectation> for Gateway {
    async fn run(
        &self,
        input: RemoveExpectationInput,
    ) -> Result<Found<RemovedExpectation>, ActionError> {
        let source = input.source;
        // NUL is in no source, and no store takes it.
        let here = &self.workspace;
        if source.contains('\0') || !self.blind_spots.unexpect(here, &source).await? {
            return Err(ActionError::NotFound {
                what: format!("an expectation of the source {source:?}"),
            });
        }
        self.reporters.unexpect(here, &source);
        tracing::info!(source, "what was expected of a source is taken back");
        let removed = RemovedExpectation {
            learned: self.standing_of(&source),
            source,
        };
        Ok(found(removed, Question::itself()))
    }
}

fn invalid(field: &str, found: impl std::fmt::Display, expected: impl Into<String>) -> ActionError {
    ActionError::Invalid(vec![FieldError::invalid(field, found, expected)])
}
