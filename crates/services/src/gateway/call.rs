//! The way of a call: who may, within which limits, in which time, and how the answer is put together.

use pts_api::{Action, Answer, Effect};
use pts_domain::access::Principal;

use crate::access::facts;
use crate::coverage::{Found, timed_out};
use crate::{ActionError, Gateway};

/// How a caller wants to be answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Rather no answer than an incomplete one.
    pub deny_partial: bool,
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

    /// Of an action that is open: whether it is about what is the caller's own. Asked only of those who
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
        let action = facts::<A>();
        self.authorise(principal, &action)?;
        // What is open is everybody's own; what is others' needs a rule that permits it.
        if action.open
            && !self.permits_for_others(principal, &action)?
            && !<Self as UseCase<A>>::is_own(self, principal, &input).await?
        {
            let scope = action.scope;
            return Err(ActionError::Denied { scope });
        }
        let answer = self.admitted::<A>(principal, input).await?;
        if options.deny_partial && !answer.coverage.complete {
            return Err(ActionError::Incomplete(Box::new(answer.coverage)));
        }
        Ok(answer)
    }

    /// Carries out an action for whoever runs this program on the machine itself and reaches the
    /// store without a token: nobody is asked for a scope, and nothing is limited.
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
        let found = <Self as UseCase<A>>::run(self, input).await?;
        Ok(self.assemble(found).await)
    }

    /// Answers within the caller's limits, and within the time that a question may take. Dropped, it
    /// stops what it began in the store.
    async fn admitted<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        let heavy = <Self as UseCase<A>>::is_heavy(&input);
        let answering = async {
            let found = <Self as UseCase<A>>::run_for(self, principal, input).await?;
            self.gate.read(token, now, found.rows, 0);
            Ok(self.assemble(found).await)
        };
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
