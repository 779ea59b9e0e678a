//! Asking: a request is put into the language's words, and what it decides into ours.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Request, RestrictedExpression, Schema,
};
use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Ruling};
use pts_ports::{PoliciesAway, PolicyBook, PolicyEngine, PolicyFile};
use sha2::{Digest as _, Sha256};

use crate::PolicyError;
use crate::book::Book;
use crate::file::Watched;
use crate::schema;

/// Policies, and what is needed to ask them.
pub struct CedarPolicies {
    schema: Schema,
    schema_text: String,
    kinds: Kinds,
    actions: HashMap<&'static str, Entity>,
    authorizer: Authorizer,
    file: Option<Mutex<Watched>>,
    file_name: Option<String>,
    state: RwLock<Arc<State>>,
    edition: AtomicU64,
}

/// What is in force: policies, or why there are none.
struct State {
    book: Result<Book, String>,
    digest: Option<[u8; 32]>,
    loaded_at: Option<Timestamp>,
}

/// The types that a policy speaks of.
struct Kinds {
    principal: EntityTypeName,
    role: EntityTypeName,
    workspace: EntityTypeName,
    action: EntityTypeName,
}

impl Kinds {
    fn new() -> Result<Self, PolicyError> {
        let named = |name: &str| {
            let parsed = name.parse::<EntityTypeName>();
            parsed.map_err(|error| PolicyError::Unfit(error.to_string()))
        };
        Ok(Self {
            principal: named("Principal")?,
            role: named("Role")?,
            workspace: named("Workspace")?,
            action: named("Action")?,
        })
    }
}

fn uid(kind: &EntityTypeName, id: impl AsRef<str>) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

impl CedarPolicies {
    /// The rules that there always are, and those of a file if there is one, for these actions.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn open(
        actions: &[ActionFacts],
        file: Option<&Path>,
        now: Timestamp,
    ) -> Result<Self, PolicyError> {
        let schema_text = schema::text(actions);
        let (schema, _) = Schema::from_cedarschema_str(&schema_text)
            .map_err(|error| PolicyError::Unfit(error.to_string()))?;
        let kinds = Kinds::new()?;
        let entity = |facts: &ActionFacts| {
            let groups = schema::groups_of(facts).into_iter();
            let groups = groups.map(|group| uid(&kinds.action, group)).collect();
            Entity::new_no_attrs(uid(&kinds.action, facts.name), groups)
        };
        let actions = actions.iter().map(|facts| (facts.name, entity(facts)));
        let actions = actions.collect();
        let (watched, text) = file.map(Watched::open).transpose()?.unzip();
        let book = Book::read(&schema, text.as_deref())?;
        let state = State {
            book: Ok(book),
            digest: text.as_deref().map(digest),
            loaded_at: Some(now),
        };
        Ok(Self {
            schema,
            schema_text,
            kinds,
            actions,
            authorizer: Authorizer::new(),
            file: watched.map(Mutex::new),
            file_name: file.map(|path| path.display().to_string()),
            state: RwLock::new(Arc::new(state)),
            edition: AtomicU64::new(0),
        })
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_over(&self, seen: Result<String, PolicyError>, now: Timestamp) {
        let digest = seen.as_deref().ok().map(digest);
        let book = seen.and_then(|text| Book::read(&self.schema, Some(&text)));
        let file = self.file_name.as_deref().unwrap_or_default();
        match &book {
            Ok(book) => tracing::info!(file, policies = book.shown.len(), "the policies changed"),
            Err(error) => tracing::error!(
                file,
                %error,
                "the policies are wrong: nothing is permitted until they are right"
            ),
        }
        let state = State {
            book: book.map_err(|error| error.to_string()),
            digest,
            loaded_at: Some(now),
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// The request in the language's words.
    fn asked(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        at: Timestamp,
    ) -> Result<(Request, Entities), String> {
        let acting = (self.actions.get(action.name))
            .ok_or_else(|| format!("no policy can speak of the action {}", action.name))?;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let time = at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut facts = vec![
            ("scope".to_owned(), text(action.scope.as_str())),
            ("effect".to_owned(), text(action.effect)),
            (
                "risky".to_owned(),
                RestrictedExpression::new_bool(action.risky),
            ),
            (
                "open".to_owned(),
                RestrictedExpression::new_bool(action.open),
            ),
            ("time".to_owned(), RestrictedExpression::new_datetime(time)),
        ];
        if let Some(address) = principal.origin.address {
            let address = address.to_canonical().to_string();
            facts.push(("address".to_owned(), RestrictedExpression::new_ip(address)));
        }
        let context = Context::from_pairs(facts).map_err(|error| error.to_string())?;
        let who = uid(&self.kinds.principal, principal.token_id.to_string());
        let request = Request::new(
            who.clone(),
            uid(&self.kinds.action, action.name),
            uid(&self.kinds.workspace, principal.workspace.as_str()),
            context,
            None,
        );
        let request = request.map_err(|error| error.to_string())?;
        let entities = [self.entity(who, principal)?, acting.clone()];
        let entities = Entities::from_entities(entities, None);
        Ok((request, entities.map_err(|error| error.to_string())?))
    }

    fn entity(&self, who: EntityUid, principal: &Principal) -> Result<Entity, String> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let scopes = principal.scopes.iter().map(|scope| text(scope.as_str()));
        let roles = principal.roles.iter().map(|role| text(role));
        let mut attributes = HashMap::from([
            ("name".to_owned(), text(&principal.name)),
            ("kind".to_owned(), text(principal.kind.as_str())),
            ("scopes".to_owned(), RestrictedExpression::new_set(scopes)),
            ("roles".to_owned(), RestrictedExpression::new_set(roles)),
            (
                "bound".to_owned(),
                RestrictedExpression::new_bool(principal.bound),
            ),
        ]);
        if let Some(subject) = &principal.subject {
            attributes.insert("subject".to_owned(), text(subject));
        }
        let roles = principal
            .roles
            .iter()
            .map(|role| uid(&self.kinds.role, role));
        let roles: HashSet<_> = roles.collect();
        Entity::new(who, attributes, roles).map_err(|error| error.to_string())
    }
}

impl PolicyEngine for CedarPolicies {
    fn decide(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        at: Timestamp,
    ) -> Result<Ruling, PoliciesAway> {
        let state = self.state();
        let book = state
            .book
            .as_ref()
            .map_err(|why| PoliciesAway(why.clone()))?;
        let (request, entities) = self.asked(principal, action, at).map_err(PoliciesAway)?;
        let response = self
            .authorizer
            .is_authorized(&request, &book.set, &entities);
        // The language passes over a rule that fails; one that should have forbidden would permit.
        let mut failed = Vec::new();
        for error in response.diagnostics().errors() {
            tracing::error!(action = action.name, %error, "a policy failed: it is refused");
            let AuthorizationError::PolicyEvaluationError(error) = error;
            failed.push(error.policy_id().to_string());
        }
        let allowed = failed.is_empty() && response.decision() == Decision::Allow;
        let reason = response.diagnostics().reason().map(ToString::to_string);
        let mut by: Vec<String> = if failed.is_empty() {
            reason.collect()
        } else {
            failed
        };
        by.sort_unstable();
        by.dedup();
        Ok(Ruling { allowed, by })
    }

    fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    fn book(&self) -> PolicyBook {
        let state = self.state();
        let book = state.book.as_ref();
        PolicyBook {
            policies: book.map(|book| book.shown.clone()).unwrap_or_default(),
            schema: self.schema_text.clone(),
            file: self.file_name.clone(),
            digest: state.digest,
            loaded_at: state.loaded_at,
            fault: book.err().cloned(),
        }
    }

    fn file(&self) -> Option<PolicyFile> {
        self.file_name.as_ref()?;
        let state = self.state();
        let book = state.book.as_ref();
        let policies = book.map_or(0, |book| {
            book.shown.iter().filter(|one| !one.built_in).count()
        });
        Some(PolicyFile {
            digest: state.digest,
            policies,
            fault: book.err().cloned(),
        })
    }

    fn refresh(&self, at: Timestamp) {
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = file.changed() {
            self.take_over(seen, at);
        }
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
