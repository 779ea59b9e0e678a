//! `pts-server token create|list|revoke`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use pts_domain::Timestamp;
use pts_domain::access::{Token, TokenKind, Workspace};
use pts_domain::audit::Effect;
use pts_services::{Access, Act, Audit, NewToken};
use serde_json::{Value, json};

use crate::cli::{Format, TokenCommand};
use crate::config::Settings;
use crate::database::{self, Purpose};
use crate::wiring;

pub(crate) async fn run(settings: &Settings, command: TokenCommand) -> Result<ExitCode> {
    let roles = settings.roles()?;
    let opened = database::open(settings, Purpose::Command).await?;
    let audit = wiring::audit(&opened.pool);
    let access = wiring::access(&opened.pool, roles);
    let outcome = carry_out(&access, &audit, command).await;
    opened.close().await;
    outcome
}

async fn carry_out(access: &Access, audit: &Arc<Audit>, command: TokenCommand) -> Result<ExitCode> {
    let act = |action, input: Value| {
        let act = Act::by(audit.console(), action, Effect::Control);
        act.with(&input)
    };
    match command {
        TokenCommand::Create {
            name,
            scopes,
            workspace,
            roles,
            networks,
            lasts,
        } => {
            for role in &roles {
                let known = access.roles().known(role);
                known.map_err(|near| {
                    anyhow::anyhow!("there is no role `{role}`; expected {near}")
                })?;
            }
            let new = NewToken {
                name,
                scopes: scopes.into_iter().collect(),
                workspace,
                roles: roles.into_iter().collect(),
                networks,
                lasts: lasts.map(|lasts| lasts.0),
            };
            let asked = json!({ "name": new.name, "scopes": new.scopes });
            let (text, token) = audit
                .control(act(wiring::CREATE_TOKEN, asked), access.create(new))
                .await
                .context("no token was made")?
                .context("the token cannot be stored")?;
            // The token alone on standard output, so that it can be piped to where it is needed.
            println!("{}", text.reveal());
            eprintln!("token {} ({}); it is not shown again", token.id, token.name);
            Ok(ExitCode::SUCCESS)
        }
        TokenCommand::List { format } => {
            let tokens = access.list().await.context("the tokens cannot be read")?;
            match format {
                Format::Table => tokens.iter().for_each(|token| println!("{}", line(token))),
                Format::Json => tokens
                    .iter()
                    .for_each(|token| println!("{}", record(token))),
            }
            Ok(ExitCode::SUCCESS)
        }
        TokenCommand::Revoke { id } => {
            let asked = json!({ "id": id });
            let revoked = audit
                .control(act(wiring::REVOKE_TOKEN, asked), access.revoke(id))
                .await
                .context("nothing was revoked")?
                .context("the token cannot be revoked")?;
            if revoked {
                println!("revoked; it is refused within a second");
                Ok(ExitCode::SUCCESS)
            } else {
                eprintln!("there is no token {id}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// What it allows, and where from.
fn allows(token: &Token) -> String {
    let scopes = token.scopes.iter().map(ToString::to_string);
    let roles = token.roles.iter().map(|role| format!("role {role}"));
    let allowed: Vec<_> = scopes.chain(roles).collect();
    let networks: Vec<_> = token.networks.iter().map(ToString::to_string).collect();
    match networks.as_slice() {
        [] => allowed.join(","),
        networks => format!("{} from {}", allowed.join(","), networks.join(",")),
    }
}

fn line(token: &Token) -> String {
    let kind = match token.kind {
        TokenKind::Bearer => "token",
        TokenKind::Session => "session",
        TokenKind::Service => "service",
    };
    let end = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", at.to_rfc3339()),
        (None, Some(at)) => format!("until {}", at.to_rfc3339()),
        (None, None) => "no end".to_owned(),
    };
    let second = |at: Timestamp| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let made = second(token.created_at);
    let used = token.last_used_at.map_or("never used".to_owned(), second);
    let workspace = token.workspace.as_ref().map_or("any", Workspace::as_str);
    format!(
        "{}  {kind:<7}  {made}  {used:<20}  {end:<33}  {workspace:<12}  {:<24}  {}",
        token.id,
        allows(token),
        token.name
    )
}

fn record(token: &Token) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_rfc3339());
    json!({
        "id": token.id,
        "name": token.name,
        "kind": token.kind,
        "scopes": token.scopes,
        "workspace": token.workspace,
        "roles": token.roles,
        "networks": token.networks,
        "last_used_at": time(token.last_used_at),
        "issued_by": token.issued_by,
        "created_at": token.created_at.to_rfc3339(),
        "expires_at": time(token.expires_at),
        "revoked_at": time(token.revoked_at),
    })
}
