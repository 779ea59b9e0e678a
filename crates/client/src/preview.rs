//! Risky actions: what one would do is looked at, and then it is confirmed or left alone.

use pts_api::{Action, Answer, Confirm, Preview};

use crate::client::{JSON, request};
use crate::{Client, ClientError};

/// What came of asking what a risky action would do.
#[derive(Debug, Clone, PartialEq)]
pub enum Previewed<T> {
    /// Nothing was done yet.
    ToConfirm(Box<ToConfirm>),
    /// There was nothing to confirm for this caller and this input: it is done.
    Done(Answer<T>),
}

/// What would be done, and how it is confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct ToConfirm {
    /// What would be done.
    pub preview: Preview,
    /// What to give to [`Client::confirm`].
    pub confirm: Confirm,
}

impl Client {
    /// Asks what a risky action would do. For an action that is not risky, this does not compile.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn preview<A: Action>(
        &self,
        input: A::Input,
    ) -> Result<Previewed<A::Output>, ClientError> {
        const {
            assert!(A::RISKY, "this action is done without a preview");
        }
        let refused = match self.json(&request::<A>(&input, JSON)?).await {
            Ok(answer) => return Ok(Previewed::Done(answer)),
            Err(ClientError::Refused(refused)) => refused,
            Err(error) => return Err(error),
        };
        match (&refused.problem.preview, &refused.problem.confirm) {
            (Some(preview), Some(confirm)) if refused.problem.status == 428 => {
                Ok(Previewed::ToConfirm(Box::new(ToConfirm {
                    preview: (**preview).clone(),
                    confirm: confirm.clone(),
                })))
            }
            _ => Err(ClientError::Refused(refused)),
        }
    }

    /// Has a risky action do what was shown, with the same input. Never tried again by itself once it
    /// may have arrived: a confirmation is good once.
    ///
    /// # Errors
    /// See [`ClientError`]; with the code `preview_outdated`, the problem has a new preview.
    pub async fn confirm<A: Action>(
        &self,
        input: A::Input,
        confirm: &Confirm,
    ) -> Result<Answer<A::Output>, ClientError> {
        const {
            assert!(A::RISKY, "this action is done without a preview");
        }
        let mut request = request::<A>(&input, JSON)?;
        request.confirm = Some(confirm.token.clone());
        self.json(&request).await
    }
}
