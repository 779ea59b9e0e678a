//! A server that two workspaces share, and whoever asks it. Both hold the same platform, of the same
//! names, each with a mark of its own in everything that can say something; a third, the usual one,
//! holds nothing.

use std::collections::BTreeSet;

use chrono::Duration;
use pts_domain::access::{Scope, Token, TokenKind, Workspace};
use pts_ports::TokenStore as _;
use pts_services::NewToken;
use pts_testkit::generate::platform;
use reqwest::{Method, RequestBuilder};
use uuid::Uuid;

use super::support::Server;

/// The marks of the two.
pub(super) const MARKS: [(&str, &str); 2] = [("a", "canary-of-a"), ("b", "canary-of-b")];

/// Of tokens and sessions, which are not in a workspace but may be bound to one: what whoever is bound to
/// another must not see of them.
pub(super) const PEOPLE: [(&str, &str); 2] = [("a", "person-of-a"), ("b", "person-of-b")];

/// Where a token reaches and how a request names its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Bound to this one.
    Bound(&'static str),
    /// Bound to none, and acting in this one.
    Free(&'static str),
    /// Bound to none, and naming none.
    Usual,
}

impl Reach {
    pub(super) const ALL: [Self; 5] = [
        Self::Bound("a"),
        Self::Bound("b"),
        Self::Free("a"),
        Self::Free("b"),
        Self::Usual,
    ];

    pub(super) fn workspace(self) -> &'static str {
        match self {
            Self::Bound(name) | Self::Free(name) => name,
            Self::Usual => Workspace::USUAL,
        }
    }
}

/// Somebody, and how they ask.
pub(super) struct Caller {
    pub(super) id: Uuid,
    pub(super) role: &'static str,
    pub(super) scopes: BTreeSet<Scope>,
    pub(super) reach: Reach,
    pub(super) token: String,
}

impl Caller {
    pub(super) async fn new(
        server: &Server,
        (role, scopes): (&'static str, &'static [Scope]),
        reach: Reach,
    ) -> Self {
        let scopes: BTreeSet<_> = scopes.iter().copied().collect();
        let new = NewToken {
            name: role.into(),
            scopes: scopes.clone(),
            workspace: match reach {
                Reach::Bound(name) => Some(name.parse().unwrap()),
                Reach::Free(_) | Reach::Usual => None,
            },
            ..NewToken::default()
        };
        let (text, token) = server.gateway.access().create(new).await.unwrap();
        Self {
            id: token.id,
            role,
            scopes,
            reach,
            token: text.reveal().to_owned(),
        }
    }

    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    pub(super) fn asks(&self, server: &Server, method: Method, path: &str) -> RequestBuilder {
        let request = server.bare(method, path).bearer_auth(&self.token);
        match self.reach {
            Reach::Free(name) => request.header("PTS-Workspace", name),
            Reach::Bound(_) | Reach::Usual => request,
        }
    }
}

/// A server whose two workspaces hold the platform.
pub(super) async fn shared_by_two() -> Server {
    filled(Server::start().await).await
}

/// Fills two workspaces of a server.
pub(super) async fn filled(server: Server) -> Server {
    server.clock.set(platform::now());
    for (name, mark) in MARKS {
        let store = &*server.store;
        let examples = name == "a";
        let workspace = name.parse().unwrap();
        platform::seed_in(&workspace, (mark, examples), store, store, store).await;
    }
    let kinds = [TokenKind::Session, TokenKind::Bearer];
    for (n, (name, person)) in (10_u128..).zip(PEOPLE) {
        for (kind, n) in kinds.into_iter().zip([n, n + 2]) {
            let token = bound_to(name, person, kind, n);
            server.store.insert(token).await.unwrap();
        }
    }
    server.gateway.read_record().await.unwrap();
    server
}

/// A token of a person who is bound to a workspace.
fn bound_to(workspace: &str, person: &str, kind: TokenKind, n: u128) -> Token {
    Token {
        id: Uuid::from_u128(n),
        name: person.into(),
        kind,
        hash: [u8::try_from(n).unwrap(); 32],
        scopes: BTreeSet::new(),
        roles: ["viewer".to_owned()].into(),
        workspace: Some(workspace.parse().unwrap()),
        networks: Vec::new(),
        subject: Some(person.into()),
        issued_by: None,
        created_at: platform::now() - Duration::minutes(5),
        last_used_at: Some(platform::now() - Duration::minutes(1)),
        expires_at: Some(platform::now() + Duration::hours(8)),
        revoked_at: None,
    }
}

/// What is there of an answer: all of it.
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) everything: String,
}

pub(super) async fn hear(request: RequestBuilder) -> Heard {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = format!("{:?}", response.headers());
    let body = response.bytes().await.unwrap();
    Heard {
        status,
        everything: headers + &String::from_utf8_lossy(&body),
    }
}
