//! The way of a call: who may, within which limits, in which time, and how the answer is put together.

use pts_api::{Action, Answer, Binding, Effect};
use pts_domain::Timestamp;
use pts_domain::access::{Principal, Scope};
use uuid::Uuid;

use crate::coverage::{Found, timed_out};
use crate::{Act, ActionError, Foreseen, Gateway, Seen, Wanted};

/// How a caller wants to be answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Rather no answer than an incomplete one.
    pub deny_partial: bool,
    /// SHA-256 of the text that confirms what was shown of a risky action.
    pub confirm: Option<[u8; 32]>,
}

/// The code behind an action that is one question and one answer.
pub trait UseCase<A: Action> {
    /// Carries the action out for somebody who may. What it found says which question it answers:
    /// the gateway adds what the answer rests on.
    fn run(
        &self,
        input: A::Input,
    ) -> impl Future<Output = Result<Found<A::Output>, ActionError>> + Send;

    /// The same for those who ask over the network, where it matters who they are. [`UseCase::run`] is
    /// then for whoever runs this program on the machine itself.
    fn run_for(
        &self,
        _caller: &Principal,
        input: A::Input,
    ) -> impl Future<Output = Result<Found<A::Output>, ActionError>> + Send {
        self.run(input)
    }

    /// What a risky action would do now, as far as it is about what was there at `as_of`; nothing
    /// where it may be done at once, for this caller and this input. Changes nothing. Whatever is
    /// declared risky has to have one:
    ///
    /// ```compile_fail,E0080
    /// # use pts_api::{Action, Effect};
    /// # use pts_domain::{Timestamp, access::{Principal, Scope}};
    /// # use pts_services::{ActionError, Found, Gateway, UseCase};
    /// struct Rash;
    /// impl Action for Rash {
    ///     const NAME: &'static str = "platform.rash.act";
    ///     const SUMMARY: &'static str = "Act without a look";
    ///     const SCOPE: Scope = Scope::Operate;
    ///     const EFFECT: Effect = Effect::Control;
    ///     const RISKY: bool = true;
    ///     const PATH: &'static str = "/v1/rash";
    ///     type Input = ();
    ///     type Output = ();
    ///     fn example() -> serde_json::Value { serde_json::json!({}) }
    /// }
    /// impl UseCase<Rash> for Gateway {
    ///     async fn run(&self, _: ()) -> Result<Found<()>, ActionError> {
    ///         Err(ActionError::Internal)
    ///     }
    /// }
    /// let shows: fn(&'static Gateway, &'static Principal, &'static (), Timestamp) -> _ =
    ///     <Gateway as UseCase<Rash>>::preview;
    /// ```
    fn preview(
        &self,
        _by: &Principal,
        _input: &A::Input,
        _as_of: Timestamp,
    ) -> impl Future<Output = Result<Option<Foreseen>, ActionError>> + Send {
        const {
            assert!(
                !A::RISKY,
                "a risky action shows what it would do: write its `preview`"
            );
        }
        std::future::ready(Ok(None))
    }

    /// Does what was shown and confirmed: what came after it was shown is left alone.
    fn run_confirmed(
        &self,
        by: &Principal,
        input: A::Input,
        _seen: &Seen,
    ) -> impl Future<Output = Result<Found<A::Output>, ActionError>> + Send {
        self.run_for(by, input)
    }

    /// Of an action that is [free for that](Action::FREE_FOR_OWN): whether it is about what is the caller's own. Asked only of those who
    /// may not do it to others.
    fn is_own(
        &self,
        _caller: &Principal,
        _input: &A::Input,
    ) -> impl Future<Output = Result<bool, ActionError>> + Send {
        std::future::ready(Ok(false))
    }

    /// Whether it looks through much: of such, a caller has few at the same time.
    fn is_heavy(_input: &A::Input) -> bool {
        false
    }
}

impl Gateway {
    /// Carries out an action.
    ///
    /// # Errors
    /// Whatever stands in the way; see [`ActionError`].
    pub async fn call<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let wanted = Wanted::of::<A>();
        self.admit(principal, wanted)?;
        // What is free is everybody's own; what is others' needs a rule that permits it.
        if A::FREE_FOR_OWN
            && !self.permits_for_others(principal, wanted)?
            && !<Self as UseCase<A>>::is_own(self, principal, &input).await?
        {
            self.admit(principal, wanted.of_others())?;
        }
        let confined = self.of(principal);
        let answer = confined.admitted::<A>(principal, input, options).await?;
        if options.deny_partial && !answer.coverage.complete {
            return Err(ActionError::Incomplete(Box::new(answer.coverage)));
        }
        Ok(answer)
    }

    /// Carries out an action for whoever runs this program on the machine itself and reaches the
    /// store without a token: nobody is asked for a scope, and nothing is limited. It concerns the
    /// workspace that the gateway is in: the usual one, unless it is taken [`Gateway::within`] another.
    ///
    /// # Errors
    /// As [`Gateway::call`], but for [`ActionError::Denied`].
    pub async fn call_here<A: Action>(
        &self,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let console = || Act::by(self.audit.console(), A::NAME, A::EFFECT);
        let act = audited::<A>(&input, || console().within(self.workspace.clone()));
        let answering = async {
            let found = <Self as UseCase<A>>::run(self, input).await?;
            Ok(self.assemble(found).await)
        };
        match act {
            Some(act) => self.audit.control(act, answering).await?,
            None => answering.await,
        }
    }

    /// Answers within the caller's limits, and within the time that a question may take. Dropped, it
    /// stops what it began in the store.
    async fn admitted<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        let seen = self.seen::<A>(principal, &input, options.confirm).await?;
        let heavy = <Self as UseCase<A>>::is_heavy(&input);
        let act = audited::<A>(&input, || Act::of(principal, A::NAME, A::EFFECT));
        let answering = async {
            let found = self.run_seen::<A>(principal, input, seen).await?;
            self.gate.read(token, now, found.rows, 0);
            Ok(self.assemble(found).await)
        };
        if let Some(act) = act {
            return self.audit.control(act, answering).await?;
        }
        if A::EFFECT != Effect::Read {
            return answering.await;
        }
        self.shed()?;
        let _turn = if heavy {
            self.gate.heavy(token, now).await?
        } else {
            None
        };
        let within = self.gate.limits.deadline;
        let Ok(answer) = tokio::time::timeout(within, answering).await else {
            return Err(timed_out(within));
        };
        answer
    }
}

/// Whoever runs this program on the machine itself.
pub(crate) fn console() -> Principal {
    Principal::holding(Uuid::nil(), "console", [Scope::Admin])
}

/// What the audit tells of an action, if it tells of it: of all that changes something, but for events,
/// which are their own record.
fn audited<A: Action>(input: &A::Input, act: impl FnOnce() -> Act) -> Option<Act> {
    let changes = A::EFFECT != Effect::Read && !matches!(A::BINDING, Binding::Ingest);
    changes.then(|| act().with(input))
}
