//! What committing each event by itself gives: PostgreSQL's own pgbench inserts the same rows, one
//! a transaction, by prepared statements.

use std::{fmt::Write as _, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Database, Rig, Window, load, programs};

/// As many as the mix's pattern is long.
const EVENTS: usize = 20;
const SCRIPT: &str = "insert.sql";
/// Of the transactions, whose times are kept.
const SAMPLED: &str = "--sampling-rate=0.2";

/// True where the machine has it.
pub(crate) fn is_here() -> bool {
    programs::postgres("pgbench").is_some()
}

/// Commits single rows by so many clients, and tells what it gave and how many rows there are.
pub(crate) fn run(rig: &Rig, database: &Database<'_>, clients: usize) -> Result<(Window, u64)> {
    database.psql("CREATE SEQUENCE platform.bench_position CACHE 100")?;
    let sender = database.psql(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'platform.events'::regclass \
         AND attname = 'sender'",
    )?;
    let directory = rig.directory.join("pgbench");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory)?;
    let program = programs::postgres("pgbench").context("there is no pgbench")?;
    let mut pgbench = Command::new(program);
    rig.cluster.reach(&mut pgbench);
    pgbench.args([
        "-n",
        "-M",
        "prepared",
        "-c",
        &clients.to_string(),
        "-j",
        "1",
    ]);
    let seconds = (rig.pace.warm + rig.pace.window).as_secs();
    pgbench.args(["-T", &seconds.to_string(), "-l", SAMPLED]);
    let script = insert(&load::show(rig, EVENTS)?, sender.trim() == "1");
    fs::write(directory.join(SCRIPT), script)?;
    pgbench.args(["-f", SCRIPT]);
    pgbench.arg(database.name()).current_dir(&directory);
    let (costs, said) = load::run_other(rig, &pgbench)?;
    let (events, rate) = read(&said).with_context(|| said.clone())?;
    let mut logs = String::new();
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension != "sql") {
            logs.push_str(&fs::read_to_string(path)?);
        }
    }
    let times = times_us(&logs);
    ensure!(!times.is_empty(), "pgbench kept no times");
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1] / 1e6;
    #[expect(clippy::cast_precision_loss, reason = "nobody commits 2^52 rows")]
    let seconds = events as f64 / rate;
    let window = Window {
        seconds,
        events,
        p50_s: at(50),
        p99_s: at(99),
        ..costs
    };
    Ok((window, events))
}

/// One statement, so that each client prepares it once: a number from a sequence picks the event
/// and makes it the row's own.
fn insert(events: &[Value], sender: bool) -> String {
    let pick = |each: &dyn Fn(&Value) -> String| {
        let all: Vec<String> = events
            .iter()
            .map(|event| format!("'{}'", each(event).replace('\'', "''")))
            .collect();
        format!("(ARRAY[{}])[1 + n % {}]", all.join(","), events.len())
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // A colon before a word would be a variable of pgbench's.
    let data = pick(&|event| event["data"].to_string().replace(':', ": "));
    let data = data.replace("])[", "]::jsonb[])[");
    let mut columns = String::from(
        "position, id, source, event_id, type, subject, \"time\", time_given, received_at, \
         service, environment, data, attributes, digest",
    );
    let mut values = format!(
        "n, lpad(to_hex(n), 32, '0')::uuid, {}, lpad(to_hex(n), 8, '0') || '-00000', {}, NULL, \
         now(), true, now(), {}, {}, {data}, '{{}}', decode(md5(n::text), 'hex')",
        pick(&|event| text(&event["source"])),
        pick(&|event| text(&event["type"])),
        pick(&|event| text(&event["data"]["service"])),
        pick(&|event| text(&event["data"]["environment"])),
    );
    if sender {
        columns.push_str(", sender");
        let _ = write!(values, ", '{:032x}'", 7);
    }
    format!(
        "INSERT INTO platform.events ({columns}) SELECT {values} \
         FROM nextval('platform.bench_position') AS n;\n"
    )
}

/// Transactions and transactions a second, from what pgbench says at its end.
fn read(said: &str) -> Option<(u64, f64)> {
    let after = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    let count = after("number of transactions actually processed: ")?;
    let count = count.split(['/', ' ']).next()?.parse().ok()?;
    let rate = after("tps = ")?.split(' ').next()?.parse().ok()?;
    Some((count, rate))
}

/// The third field of each line of a log, sorted.
fn times_us(logs: &str) -> Vec<f64> {
    let third = |line: &str| line.split(' ').nth(2)?.parse().ok();
    let mut times: Vec<f64> = logs.lines().filter_map(third).collect();
    times.sort_by(f64::total_cmp);
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_no_variable_in_it() {
        let event = serde_json::json!({
            "type": "service.heartbeat", "source": "//acme/it's", "id": "00000000-00004",
            "data": {"service": "s", "environment": "e", "ttl_s": 60, "ok": true}
        });
        let statement = insert(&[event], true);
        assert!(
            statement.contains("(ARRAY['//acme/it''s'])[1 + n % 1]"),
            "{statement}"
        );
        assert!(statement.contains("]::jsonb[])["), "{statement}");
        let bytes = statement.as_bytes();
        for (at, _) in statement.match_indices(':') {
            let near = [bytes[at - 1], bytes[at + 1]];
            let harmless = near.contains(&b':') || near[1] == b' ';
            assert!(harmless, "{}", &statement[at..]);
        }
    }

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "scaling factor: 1\nnumber of transactions actually processed: 5520\n\
                    latency average = 0.1 ms\ntps = 5519.25 (without initial connection time)\n";
        assert_eq!(read(said).map(|(count, _)| count), Some(5520));
        assert_eq!(times_us("0 1 300 0 1 2\n1 2 100 0 1 2\n"), [100.0, 300.0]);
    }
}
