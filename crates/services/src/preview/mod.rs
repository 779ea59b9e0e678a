//! Risky actions: what one would do is shown before it is done, and it is done only on the word of
//! whoever was shown it, once, while things are as they were shown.

use pts_api::{Action, CONFIRM_HEADER, Confirm, Preview};
use pts_domain::access::{Confirmation, ConfirmationRefused, ConfirmationText, Principal, digest};
use pts_domain::{FieldError, Timestamp};

use crate::coverage::{Found, timed_out};
use crate::{ActionError, Gateway, UseCase};

/// What an action would do, as its use case foresees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    /// What is shown.
    pub preview: Preview,
    /// A text that is another one whenever something else would be done.
    pub state: String,
}

/// What was shown and is confirmed: what would be done now is that still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it was shown. What came later was not.
    pub as_of: Timestamp,
    /// [`Foreseen::state`], then and now.
    pub state: String,
}

/// A preview, and with what it is confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What would be done.
    pub preview: Preview,
    /// How it is confirmed.
    pub confirm: Confirm,
}

impl Gateway {
    /// What a caller has seen of a risky action and confirms; nothing for one that needs no
    /// confirmation. Whoever confirms nothing is shown what there is to see.
    ///
    /// # Errors
    /// [`ActionError::NotConfirmed`] with a preview; [`ActionError::ConfirmationRefused`]; whatever
    /// stands in the way of a preview.
    pub(crate) async fn seen<A: Action>(
        &self,
        by: &Principal,
        input: &A::Input,
        confirm: Option<[u8; 32]>,
    ) -> Result<Option<Seen>, ActionError>
    where
        Self: UseCase<A>,
    {
        if !A::RISKY {
            return match confirm {
                None => Ok(None),
                Some(_) => Err(needless(A::NAME)),
            };
        }
        let (now, about) = (self.now(), digest_of(by, input)?);
        let Some(hash) = confirm else {
            return match self.foresee::<A>(by, input, now).await? {
                None => Ok(None),
                Some(foreseen) => Err(self.show::<A>(by, about, (foreseen, false)).await?),
            };
        };
        let kept = self.confirmations.find(hash).await?;
        let kept = kept.ok_or(ConfirmationRefused::Unknown)?;
        kept.check(by.token_id, (A::NAME, about), now)?;
        let Some(foreseen) = self.foresee::<A>(by, input, kept.made_at).await? else {
            return Ok(None);
        };
        if state(&foreseen) != kept.state {
            let fresh = self.foresee::<A>(by, input, now).await?.unwrap_or(foreseen);
            return Err(self.show::<A>(by, about, (fresh, true)).await?);
        }
        // Of several that confirm at the same time, one goes on.
        if !self.confirmations.spend(hash, self.now()).await? {
            return Err(ConfirmationRefused::Used.into());
        }
        Ok(Some(Seen {
            as_of: kept.made_at,
            state: foreseen.state,
        }))
    }

    /// Carries an action out, as far as it was seen.
    pub(crate) async fn run_seen<A: Action>(
        &self,
        by: &Principal,
        input: A::Input,
        seen: Option<Seen>,
    ) -> Result<Found<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        match seen {
            Some(seen) => <Self as UseCase<A>>::run_confirmed(self, by, input, &seen).await,
            None => <Self as UseCase<A>>::run_for(self, by, input).await,
        }
    }

    /// Looks ahead, within what a question may take.
    async fn foresee<A: Action>(
        &self,
        by: &Principal,
        input: &A::Input,
        as_of: Timestamp,
    ) -> Result<Option<Foreseen>, ActionError>
    where
        Self: UseCase<A>,
    {
        let within = self.gate.limits.deadline;
        let _turn = self.gate.heavy(by.token_id, self.now()).await?;
        let looking = <Self as UseCase<A>>::preview(self, by, input, as_of);
        let looked = tokio::time::timeout(within, looking).await;
        looked.unwrap_or_else(|_| Err(timed_out(within)))
    }

    /// Keeps what a preview is confirmed with, and makes a refusal of both.
    async fn show<A: Action>(
        &self,
        by: &Principal,
        input: [u8; 32],
        (foreseen, outdated): (Foreseen, bool),
    ) -> Result<ActionError, ActionError> {
        let text = ConfirmationText::from_random(self.entropy.draw());
        let made_at = self.now();
        let expires_at = made_at + Confirmation::GOOD_FOR;
        let kept = Confirmation {
            hash: text.hash(),
            principal: by.token_id,
            action: A::NAME.to_owned(),
            input,
            state: state(&foreseen),
            made_at,
            expires_at,
            used_at: None,
        };
        self.confirmations.keep(kept, made_at).await?;
        let confirm = Confirm {
            token: text.reveal().to_owned(),
            expires_at,
        };
        let preview = foreseen.preview;
        Ok(ActionError::NotConfirmed {
            outdated,
            shown: Box::new(Shown { preview, confirm }),
        })
    }
}

fn state(foreseen: &Foreseen) -> [u8; 32] {
    digest([foreseen.state.as_bytes()])
}

/// What is asked for, and where: the same input is another thing in another workspace.
fn digest_of(by: &Principal, input: &impl serde::Serialize) -> Result<[u8; 32], ActionError> {
    let input = serde_json::to_vec(input).map_err(|error| {
        tracing::error!(%error, "an input could not be written as JSON");
        ActionError::Internal
    })?;
    let within = [u8::from(by.bound)];
    Ok(digest([by.workspace.as_str().as_bytes(), &within, &input]))
}

/// A confirmation of what needs none is a mistake that is told rather than passed over.
pub(crate) fn needless(action: &str) -> ActionError {
    let expected = format!("none: {action} is done without a confirmation");
    let error = FieldError::invalid(CONFIRM_HEADER, "a confirmation", expected);
    ActionError::Invalid(vec![error])
}
