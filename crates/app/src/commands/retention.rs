//! `pts-server retention preview|run|history`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use pts_domain::Timestamp;
use pts_domain::audit::Effect;
use pts_domain::retention::{MonthSurvey, Policy};
use pts_ports::RetentionRun;
use pts_services::{Act, Audit, MonthDone, Preview, Retention, RetentionError};
use serde_json::{Value, json};

use crate::cli::{Format, RetentionCommand};
use crate::config::Settings;
use crate::database::{self, Purpose};
use crate::wiring;

/// The end of a run that nobody confirmed.
const UNCONFIRMED: u8 = 2;

pub(crate) async fn run(settings: &Settings, command: RetentionCommand) -> Result<ExitCode> {
    let configured = settings.retention.policy()?;
    let opened = database::open(settings, Purpose::Command).await?;
    let audit = wiring::audit(&opened.pool);
    let outcome = carry_out(
        &wiring::retention(&opened.pool),
        &audit,
        configured,
        command,
    )
    .await;
    opened.close().await;
    outcome
}

async fn carry_out(
    retention: &Retention,
    audit: &Arc<Audit>,
    configured: Policy,
    command: RetentionCommand,
) -> Result<ExitCode> {
    match command {
        RetentionCommand::Preview {
            foreign_events,
            format,
        } => {
            let policy = foreign_events.unwrap_or(configured);
            let preview = retention
                .preview(policy)
                .await
                .context("the log cannot be read")?;
            print!("{}", shown(&preview, format));
            if format == Format::Table {
                print!("{}", how_to_confirm(&preview, foreign_events));
            }
            Ok(ExitCode::SUCCESS)
        }
        RetentionCommand::Run {
            confirm,
            foreign_events,
            format,
        } => {
            let policy = foreign_events.unwrap_or(configured);
            let running = retention.run(policy, confirm.as_deref());
            // What nobody confirmed changes nothing.
            let outcome = if confirm.is_some() {
                let asked = json!({ "foreign_events": policy.to_string(), "confirm": &confirm });
                let act = Act::by(audit.console(), Retention::ACTION, Effect::Control);
                let ran = audit.control(act.with(&asked), running).await;
                ran.context("nothing was removed")?
            } else {
                running.await
            };
            report(outcome, foreign_events, format)
        }
        RetentionCommand::History {
            sources: false,
            limit,
            format,
        } => {
            let runs = retention
                .history(limit)
                .await
                .context("the records cannot be read")?;
            for run in &runs {
                match format {
                    Format::Table => println!("{}", line(run)),
                    Format::Json => println!("{}", record(run)),
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        RetentionCommand::History {
            sources: true,
            limit,
            format,
        } => {
            let removed = retention
                .removed_by_source(limit)
                .await
                .context("the records cannot be read")?;
            for (source, events) in removed {
                match format {
                    Format::Table => println!("{events:>12}  {source}"),
                    Format::Json => println!("{}", json!({"source": source, "removed": events})),
                }
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn report(
    outcome: Result<Vec<MonthDone>, RetentionError>,
    asked: Option<Policy>,
    format: Format,
) -> Result<ExitCode> {
    match outcome {
        Ok(done) => {
            tell(&done, format);
            if done.is_empty() {
                eprintln!("nothing has had its time: nothing was removed");
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(RetentionError::Unconfirmed(preview)) => {
            print!("{}", shown(&preview, format));
            eprint!(
                "refused: this has to be confirmed\n{}",
                how_to_confirm(&preview, asked)
            );
            Ok(ExitCode::from(UNCONFIRMED))
        }
        Err(RetentionError::Outdated(preview)) => {
            print!("{}", shown(&preview, format));
            eprint!(
                "refused: what would go now is not what was confirmed\n{}",
                how_to_confirm(&preview, asked)
            );
            Ok(ExitCode::from(UNCONFIRMED))
        }
        Err(RetentionError::Stopped { done, month, why }) => {
            tell(&done, format);
            let Some(why) = why else {
                anyhow::bail!("{month} has changed meanwhile, and nothing in it was removed");
            };
            Err(why).with_context(|| format!("nothing in {month} was removed"))
        }
        Err(RetentionError::Store(error)) => Err(error).context("nothing was removed"),
    }
}

fn tell(done: &[MonthDone], format: Format) {
    for MonthDone { run, locked } in done {
        match format {
            Format::Table => println!(
                "{}; others waited for it {} ms at the most",
                line(run),
                locked.as_millis()
            ),
            Format::Json => {
                let mut told = record(run);
                told["locked_ms"] = json!(locked.as_millis());
                println!("{told}");
            }
        }
    }
}

fn shown(preview: &Preview, format: Format) -> String {
    match format {
        Format::Table => table(preview),
        Format::Json => format!("{}\n", preview_record(preview)),
    }
}

fn table(preview: &Preview) -> String {
    let mut text = String::new();
    let Preview { policy, months, .. } = preview;
    match preview.horizon {
        Some(horizon) => {
            let _ = writeln!(
                text,
                "events that no projection needs stay {policy}: months that ended before {} go",
                moment(horizon)
            );
        }
        None => {
            let _ = writeln!(
                text,
                "events that no projection needs stay forever: none go"
            );
        }
    }
    for found in months {
        let _ = write!(text, "{}", month(found));
    }
    if preview.horizon.is_some() && months.is_empty() {
        let _ = writeln!(
            text,
            "no month has had its time that was not gone through already"
        );
    } else if preview.horizon.is_some() {
        let events: u64 = months.iter().map(|found| found.events).sum();
        let freed: u64 = months.iter().map(MonthSurvey::freed_about).sum();
        let removable = preview.removable();
        let _ = writeln!(
            text,
            "{removable} events would go and {} stay; about {} would be freed",
            events - removable,
            size(freed)
        );
    }
    let ahead = preview.ahead.iter().map(|one| {
        let state = if one.ready { "there" } else { "to be made" };
        format!("{} {state}", one.month)
    });
    let ahead: Vec<_> = ahead.collect();
    let _ = writeln!(text, "room in the log: {}", ahead.join(", "));
    text
}

fn month(found: &MonthSurvey) -> String {
    let mut text = format!(
        "{}: {} of {} events go, {} stay; {} on the disk, about {} would be freed\n",
        found.month,
        found.removable,
        found.events,
        found.kept(),
        size(found.bytes),
        size(found.freed_about())
    );
    if let (Some(oldest), Some(newest)) = (found.oldest, found.newest) {
        let _ = writeln!(
            text,
            "         they happened from {} to {}",
            moment(oldest),
            moment(newest)
        );
    }
    for kind in &found.types {
        let _ = writeln!(text, "{:>12}  {}", kind.events, kind.event_type);
    }
    let others = found.type_count.saturating_sub(found.types.len() as u64);
    if others > 0 {
        let _ = writeln!(text, "              and {others} other types");
    }
    text
}

fn how_to_confirm(preview: &Preview, asked: Option<Policy>) -> String {
    let Some(text) = preview.confirmation() else {
        return String::new();
    };
    let policy = asked.map_or_else(String::new, |policy| format!(" --foreign-events {policy}"));
    format!(
        "nothing has changed; this removes exactly what is shown, and nothing brings it back:\n  \
         pts-server retention run{policy} --confirm {text}\n"
    )
}

fn preview_record(preview: &Preview) -> Value {
    let months = preview.months.iter().map(|found| {
        let types = found.types.iter();
        json!({
            "month": found.month.to_string(),
            "events": found.events,
            "removed": found.removable,
            "kept": found.kept(),
            "bytes": found.bytes,
            "freed_bytes_about": found.freed_about(),
            "oldest": found.oldest.map(moment),
            "newest": found.newest.map(moment),
            "types": types
                .map(|kind| json!({"type": kind.event_type, "events": kind.events}))
                .collect::<Vec<_>>(),
            "type_count": found.type_count,
        })
    });
    let ahead = preview.ahead.iter();
    json!({
        "foreign_events": preview.policy.to_string(),
        "horizon": preview.horizon.map(moment),
        "months": months.collect::<Vec<_>>(),
        "removed": preview.removable(),
        "ahead": ahead
            .map(|one| json!({"month": one.month.to_string(), "ready": one.ready}))
            .collect::<Vec<_>>(),
        "confirm": preview.confirmation(),
    })
}

fn line(run: &RetentionRun) -> String {
    format!(
        "{}  {:<8}  {}  removed {}, kept {}, freed {}, in {} ms, digest {}",
        moment(run.at),
        run.who.as_str(),
        run.month,
        run.removed,
        run.kept,
        size(run.freed_bytes),
        run.duration_ms,
        hex(&run.digest)
    )
}

fn record(run: &RetentionRun) -> Value {
    json!({
        "id": run.id,
        "at": moment(run.at),
        "who": run.who.as_str(),
        "horizon": moment(run.horizon),
        "month": run.month.to_string(),
        "removed": run.removed,
        "kept": run.kept,
        "freed_bytes": run.freed_bytes,
        "first_removed": run.first_removed,
        "last_removed": run.last_removed,
        "oldest": run.oldest.map(moment),
        "newest": run.newest.map(moment),
        "digest": hex(&run.digest),
        "duration_ms": run.duration_ms,
    })
}

fn moment(time: Timestamp) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut shown = format!("{bytes} B");
    let mut unit_bytes = 1;
    for unit in units {
        unit_bytes *= 1024;
        if bytes < unit_bytes {
            break;
        }
        let tenths = u128::from(bytes) * 10 / u128::from(unit_bytes);
        shown = format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        let check = |bytes, want: &str| assert_eq!(size(bytes), want);
        check(0, "0 B");
        check(1_023, "1023 B");
        check(1_536, "1.5 KiB");
        check(300 * 1024 * 1024, "300.0 MiB");
        check(u64::MAX, "16777215.9 TiB");
    }
}
