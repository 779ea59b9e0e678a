//! What must be so when all is over, whatever happened before.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    cluster::Cluster,
    ledger::{Identity, Ledger, Row, check_positions, shortened},
    server::Server,
    tail::{Seen, Tail},
    writer::{World, wait_until},
};

/// How long a reader of the tail may be behind.
const TAIL: Duration = Duration::from_secs(10);
/// Between columns: nothing that is sent holds one.
const SEPARATOR: char = '|';

/// The log as it is stored, in order, and its head.
pub(super) fn stored(cluster: &Cluster) -> Result<(Vec<Row>, i64)> {
    let text = cluster.sql(
        "SELECT position, id, source, event_id, coalesce(data->>'mark', '') \
         FROM platform.events ORDER BY position",
    )?;
    let rows = text
        .lines()
        .map(|line| row(line).with_context(|| format!("a row: {line}")));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let head = cluster.sql("SELECT position FROM platform.log_head")?;
    Ok((rows, head.trim().parse()?))
}

fn row(line: &str) -> Option<Row> {
    let mut columns = line.split(SEPARATOR);
    let mut next = || columns.next();
    Some(Row {
        position: next()?.parse().ok()?,
        id: next()?.to_owned(),
        identity: Identity {
            source: next()?.to_owned(),
            id: next()?.to_owned(),
        },
        mark: next()?.to_owned(),
    })
}

/// Everything that is wrong with the log and with what its senders and readers were told.
pub(super) fn log(ledger: &Ledger, rows: &[Row], head: i64, tails: &[Tail]) -> Vec<String> {
    let mut wrong = ledger.check(rows);
    wrong.extend(check_positions(rows, head));
    for (server, tail) in tails.iter().enumerate() {
        wait_until(TAIL, || tail.last() >= head);
        tail.end();
        let seen = compare(&tail.seen(), rows);
        wrong.extend(
            seen.into_iter()
                .map(|what| format!("live tail {server}: {what}")),
        );
    }
    wrong
}

/// What is wrong with what a reader of the tail saw.
fn compare(seen: &Seen, rows: &[Row]) -> Vec<String> {
    let mut wrong = shortened(seen.complaints.clone());
    if seen.rows.len() != rows.len() {
        let (saw, all, returns) = (seen.rows.len(), rows.len(), seen.returns);
        wrong.push(format!(
            "saw {saw} events of {all}, having come back {returns} times"
        ));
    }
    let different = seen.rows.iter().zip(rows).find(|(seen, row)| seen != row);
    if let Some((seen, row)) = different {
        wrong.push(format!("saw {seen:?}, stored is {row:?}"));
    }
    wrong
}

/// What is wrong with the accounts that a server keeps; nothing where it keeps none yet.
pub(super) fn accounts(world: &World, rows: &[Row]) -> Vec<String> {
    match world.client(0).get("/v1/accounting") {
        Ok(answer) if answer.status == 404 => Vec::new(),
        Ok(answer) if answer.status == 200 => match serde_json::from_str(&answer.body) {
            Ok(body) => add_up(&body, rows),
            Err(error) => vec![format!("accounts that are no JSON: {error}")],
        },
        Ok(answer) => vec![format!("accounts: {} {}", answer.status, answer.body)],
        Err(why) => vec![format!("accounts: {why:?}")],
    }
}

/// What an event that was received may become.
const OUTCOMES: [&str; 4] = ["stored", "repeated", "quarantined", "refused"];

fn add_up(body: &Value, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    let data = &body["data"];
    let accounts = data["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let count = |account: &Value, name: &str| account[name].as_i64().unwrap_or(-1);
    for account in accounts.iter().chain([&data["totals"]]) {
        let sum: i64 = OUTCOMES.iter().map(|name| count(account, name)).sum();
        if sum != count(account, "received") {
            wrong.push(format!("an account does not add up: {account}"));
        }
    }
    for name in OUTCOMES.iter().chain(&["received"]) {
        let sum: i64 = accounts.iter().map(|account| count(account, name)).sum();
        let total = count(&data["totals"], name);
        if sum != total {
            wrong.push(format!("{name}: the rows have {sum}, the totals {total}"));
        }
    }
    let mut sources: Vec<&str> = rows
        .iter()
        .map(|row| row.identity.source.as_str())
        .collect();
    sources.extend(
        accounts
            .iter()
            .filter_map(|account| account["source"].as_str()),
    );
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let of_source = |account: &&Value| account["source"] == source;
        let counted: i64 = accounts
            .iter()
            .filter(of_source)
            .map(|account| count(account, "stored"))
            .sum();
        let stored = rows
            .iter()
            .filter(|row| row.identity.source == source)
            .count();
        if i64::try_from(stored) != Ok(counted) {
            wrong.push(format!(
                "{source}: {stored} events are stored, {counted} accounted for"
            ));
        }
    }
    shortened(wrong)
}

/// What the service itself finds wrong: its log, and what it worked out from that. No server runs.
pub(super) fn upkeep(server: &Server) -> Vec<String> {
    let commands: [&[&str]; 2] = [&["verify"], &["rebuild", "--check"]];
    commands
        .into_iter()
        .filter_map(|arguments| server.run(arguments).err())
        .map(|error| format!("{error:#}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows() -> Vec<Row> {
        ["1|u1|a|1|a/1", "2|u2|b|1|", "3|u3|a|2|a/2"]
            .map(|line| row(line).expect("a row"))
            .to_vec()
    }

    #[test]
    fn rows_are_read_as_psql_writes_them() {
        let rows = rows();
        assert_eq!((rows[2].position, rows[2].mark.as_str()), (3, "a/2"));
        assert_eq!(rows[1].mark, "");
        assert_eq!(row("1|u1|a"), None);
    }

    #[test]
    fn a_reader_must_have_seen_all_of_it_in_order() {
        let seen = |rows: Vec<Row>| Seen {
            rows,
            ..Seen::default()
        };
        assert_eq!(compare(&seen(rows()), &rows()), Vec::<String>::new());
        assert_eq!(compare(&seen(rows()[..2].to_vec()), &rows()).len(), 1);
        let mut turned = rows();
        turned.swap(0, 1);
        assert_eq!(compare(&seen(turned), &rows()).len(), 1);
    }

    fn account(source: &str, stored: i64, received: i64) -> Value {
        json!({"token": "t", "source": source, "received": received, "stored": stored,
            "repeated": 1, "quarantined": 2, "refused": 3})
    }

    fn found(rows_of_accounts: &Value, received: i64, stored: i64, others: i64) -> Vec<String> {
        let totals = json!({"received": received, "stored": stored, "repeated": others,
            "quarantined": 2 * others, "refused": 3 * others});
        add_up(
            &json!({"data": {"totals": totals, "rows": rows_of_accounts}}),
            &rows(),
        )
    }

    #[test]
    fn accounts_add_up_and_say_what_is_stored() {
        let good = json!([account("a", 2, 8), account("b", 1, 7)]);
        assert_eq!(found(&good, 15, 3, 2), Vec::<String>::new());
        assert_eq!(
            found(&good, 16, 4, 2).len(),
            2,
            "totals that the rows do not have"
        );
        let lost = json!([account("a", 2, 9), account("b", 1, 7)]);
        let wrong = found(&lost, 16, 3, 2).join("\n");
        assert!(wrong.contains("does not add up"), "{wrong}");
        let twice = json!([account("a", 3, 9), account("b", 1, 7)]);
        let wrong = found(&twice, 16, 4, 2);
        assert_eq!(wrong, ["a: 2 events are stored, 3 accounted for"]);
        assert!(
            !found(&json!([account("a", 2, 8)]), 8, 2, 1).is_empty(),
            "a source without account"
        );
    }
}
