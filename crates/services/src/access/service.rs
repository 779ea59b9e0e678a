//! Services that show a client certificate. Who they are is configured; beside that each is an ordinary
//! token without a text, so that it is listed, counted, limited and revoked like all others.

use pts_domain::access::{Origin, Principal, ServiceIdentity, Token, TokenKind, TokenRefused};

use super::Access;
use crate::AccessError;

impl Access {
    /// The same, with services that are known by their certificates.
    pub fn knowing(self, services: Vec<ServiceIdentity>) -> Self {
        Self { services, ..self }
    }

    /// Finds out which service shows a certificate with these names; the first that is configured, if
    /// several fit.
    ///
    /// # Errors
    /// That no service is known by them, that it was revoked, or that it cannot be checked now.
    pub async fn authenticate_service(
        &self,
        names: &[String],
        origin: Origin,
    ) -> Result<Principal, AccessError> {
        let fits = |service: &&ServiceIdentity| names.iter().any(|name| service.is_named(name));
        let service = self.services.iter().find(fits);
        let service = service.ok_or(TokenRefused::Unknown)?;
        let token = match self.check_hash(service.hash()).await? {
            Some(token) => token,
            None => self.first_seen(service).await?,
        };
        self.believed.note_use(&token.hash, self.clock.now());
        Ok(self.principal(&token, origin))
    }

    async fn first_seen(&self, service: &ServiceIdentity) -> Result<Token, AccessError> {
        let (_, made) = self.make_up(TokenKind::Service, None, None);
        let token = Token {
            name: service.name.clone(),
            scopes: service.scopes.clone(),
            hash: service.hash(),
            roles: service.roles.clone(),
            workspace: service.workspace.clone(),
            ..made
        };
        let inserted = self.store.insert(token).await;
        // Another connection or process may have been first.
        match self.check_hash(service.hash()).await? {
            Some(token) => Ok(token),
            None => Err(inserted
                .err()
                .map_or(AccessError::Internal, AccessError::from)),
        }
    }
}
