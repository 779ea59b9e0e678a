//! `pts-server quarantine list|show|replay|discard`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::quarantine::{
    DiscardQuarantined, DiscardQuarantinedInput, GetQuarantined, GetQuarantinedInput,
    QuarantinedItem, ReplayQuarantine, ReplayQuarantineInput, ReplayStatus, SearchQuarantine,
    SearchQuarantineInput,
};
use pts_api::{Action, Answer};
use pts_domain::access::Workspace;
use pts_domain::problem::join;
use pts_domain::quarantine::State;
use pts_services::{Gateway, UseCase};
use uuid::Uuid;

use crate::cli::{Format, QuarantineCommand, Which};
use crate::config::Settings;
use crate::database::{self, Purpose};
use crate::wiring;

pub(crate) async fn run(
    settings: &Settings,
    workspace: &Workspace,
    command: QuarantineCommand,
) -> Result<ExitCode> {
    let opened = database::open(settings, Purpose::Command).await?;
    let gateway = wiring::gateway(&opened.pool).within(workspace);
    let outcome = carry_out(&gateway, command).await;
    drop(gateway);
    opened.close().await;
    outcome
}

async fn carry_out(gateway: &Gateway, command: QuarantineCommand) -> Result<ExitCode> {
    match command {
        QuarantineCommand::List {
            which,
            state,
            limit,
            format,
        } => list(gateway, &which, state, limit, format).await,
        QuarantineCommand::Show { id } => {
            let answer = call::<GetQuarantined>(gateway, GetQuarantinedInput { id }).await?;
            println!("{}", serde_json::to_string_pretty(&answer.data)?);
            Ok(ExitCode::SUCCESS)
        }
        QuarantineCommand::Replay { ids, which } => replay(gateway, ids, &which).await,
        QuarantineCommand::Discard { ids, which, reason } => {
            let ids = match (ids.is_empty(), which.is_empty()) {
                (false, true) => ids,
                (true, false) => fitting(gateway, &which).await?,
                _ => bail!("name either ids or a filter, such as --source ci"),
            };
            discard(gateway, &ids, reason).await
        }
    }
}

/// Asks as the owner of the machine: whoever reaches the database needs no token.
async fn call<A: Action>(gateway: &Gateway, input: A::Input) -> Result<Answer<A::Output>>
where
    Gateway: UseCase<A>,
{
    Ok(gateway.call_here::<A>(input).await?)
}

fn search(which: &Which) -> SearchQuarantineInput {
    SearchQuarantineInput {
        source: which.source.clone(),
        token: which.token,
        types: which.types.clone(),
        since: which.since.clone(),
        until: which.until.clone(),
        ..SearchQuarantineInput::default()
    }
}

async fn list(
    gateway: &Gateway,
    which: &Which,
    state: Option<State>,
    limit: usize,
    format: Format,
) -> Result<ExitCode> {
    let mut left = limit;
    let mut cursor = None;
    while left > 0 {
        let input = SearchQuarantineInput {
            state,
            limit: Some(left.min(LARGEST_LIMIT)),
            cursor,
            ..search(which)
        };
        let answer = call::<SearchQuarantine>(gateway, input).await?;
        for item in &answer.data {
            match format {
                Format::Table => println!("{}", line(item)),
                Format::Json => println!("{}", serde_json::to_string(item)?),
            }
        }
        left = left.saturating_sub(answer.data.len());
        cursor = answer.next_cursor;
        if cursor.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    eprintln!("there are more: --limit shows them");
    Ok(ExitCode::SUCCESS)
}

async fn replay(gateway: &Gateway, ids: Vec<Uuid>, which: &Which) -> Result<ExitCode> {
    let named = !ids.is_empty();
    if named && !which.is_empty() {
        bail!("name either ids or a filter");
    }
    let (mut replayed, mut others) = (0, 0);
    let mut cursor = None;
    loop {
        let input = ReplayQuarantineInput {
            ids: ids.clone(),
            source: which.source.clone(),
            token: which.token,
            types: which.types.clone(),
            since: which.since.clone(),
            until: which.until.clone(),
            limit: (!named).then_some(LARGEST_LIMIT),
            cursor,
        };
        let answer = call::<ReplayQuarantine>(gateway, input)
            .await
            .context("what was replayed before this stays so; run it again for the rest")?;
        replayed += answer.data.replayed;
        for item in answer.data.items {
            let what = match (item.status, item.event) {
                (ReplayStatus::Stored, _) => continue,
                (ReplayStatus::Duplicate, Some(event)) => format!("was there already: {event}"),
                (ReplayStatus::Duplicate, None) => "was there already".to_owned(),
                (ReplayStatus::Invalid, _) => format!("still waits: {}", join(&item.errors)),
                (ReplayStatus::Settled, _) => "does not wait".to_owned(),
                (ReplayStatus::Unknown, _) => "is not known".to_owned(),
            };
            others += usize::from(item.event.is_none());
            println!("{}  {what}", item.id);
        }
        cursor = answer.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    println!("{replayed} are events now, {others} are not");
    // Whoever names items wants them to be events.
    Ok(if named && others > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Everything that waits and fits.
async fn fitting(gateway: &Gateway, which: &Which) -> Result<Vec<Uuid>> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let input = SearchQuarantineInput {
            state: Some(State::Waiting),
            limit: Some(LARGEST_LIMIT),
            cursor,
            ..search(which)
        };
        let answer = call::<SearchQuarantine>(gateway, input).await?;
        ids.extend(answer.data.iter().map(|item| item.id));
        cursor = answer.next_cursor;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

async fn discard(gateway: &Gateway, ids: &[Uuid], reason: String) -> Result<ExitCode> {
    let (mut discarded, mut others) = (0, 0);
    for ids in ids.chunks(LARGEST_LIMIT) {
        let input = DiscardQuarantinedInput {
            ids: ids.to_vec(),
            reason: reason.clone(),
        };
        let report = call::<DiscardQuarantined>(gateway, input).await?.data;
        discarded += report.discarded;
        others += report.others.len();
        for id in report.others {
            println!("{id}  does not wait, or is not known");
        }
    }
    println!("{discarded} were given up");
    Ok(if others > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn line(item: &QuarantinedItem) -> String {
    let why = match (&item.reason, item.replayed_as) {
        (Some(reason), _) => reason.clone(),
        (None, Some(event)) => format!("is the event {event}"),
        (None, None) => join(&item.errors[..item.errors.len().min(2)]),
    };
    format!(
        "{}  {:<9}  {}  {:>4} x  {}  {}  {why}",
        item.id,
        item.state.as_str(),
        item.received_at.format("%Y-%m-%dT%H:%M:%SZ"),
        item.times,
        item.source.as_deref().unwrap_or("(unknown)"),
        item.event_type.as_deref().unwrap_or("(no type)"),
    )
}
