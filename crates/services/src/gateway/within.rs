//! The one place where a request is confined to its workspace. What a use case reaches through the
//! gateway that it is given is confined already: no use case can forget it, and none needs to know.

use std::borrow::Cow;
use std::sync::Arc;

use pts_domain::access::{Principal, Workspace};

use crate::{ActionError, Gateway};

impl Gateway {
    /// This gateway as it is for somebody: in the workspace in which they act, and telling nothing of
    /// others to whoever is bound to it.
    pub(crate) fn of(&self, principal: &Principal) -> Cow<'_, Self> {
        if self.workspace == principal.workspace && self.bound == principal.bound {
            return Cow::Borrowed(self);
        }
        let confined = self.within(&principal.workspace);
        Cow::Owned(Self {
            bound: principal.bound,
            ..confined
        })
    }

    /// This gateway as it is from another workspace: what is asked of it is answered from what belongs
    /// there. For whoever runs this program on the machine itself; others are let in by
    /// [`Gateway::call`] and its like, which confine them by themselves.
    #[must_use]
    pub fn within(&self, workspace: &Workspace) -> Self {
        Self {
            workspace: workspace.clone(),
            log: self.log.within(workspace),
            projections: self.projections.within(workspace),
            quarantine: self.quarantine.within(workspace),
            accounting: self.accounting.within(workspace),
            ..self.clone()
        }
    }

    /// Checks that somebody may do what concerns all workspaces at once.
    ///
    /// # Errors
    /// [`ActionError::Bound`].
    pub fn reaches_all(&self, principal: &Principal) -> Result<(), ActionError> {
        if principal.bound {
            let to = principal.workspace.clone();
            return Err(ActionError::Bound { to });
        }
        Ok(())
    }

    /// Notes when something was received in this workspace.
    pub(crate) fn received(&self, at: pts_domain::Timestamp) {
        self.freshness.received(&self.workspace, at);
    }

    /// A handle of its own, for what goes on when the question is over.
    pub(crate) fn held(self: &Arc<Self>, principal: &Principal) -> Arc<Self> {
        match self.of(principal) {
            Cow::Borrowed(_) => Arc::clone(self),
            Cow::Owned(confined) => Arc::new(confined),
        }
    }
}
