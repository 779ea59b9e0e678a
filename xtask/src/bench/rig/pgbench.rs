//! What committing each event by itself gives: PostgreSQL's own pgbench inserts the same rows, one
//! a transaction, by prepared statements.

use std::{fmt::Write as _, fs, process::Command};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Database, Rig, Window, load, programs};

/// As many as the mix's pattern is long.
const EVENTS: usize = 20;
const SCRIPT: &str = "insert.sql";

/// True where the machine has it.
pub(crate) fn is_here() -> bool {
    programs::postgres("pgbench").is_some()
}

/// Commits single rows by so many clients, and tells what it gave and how many rows there are.
pub(crate) fn run(rig: &Rig, database: &Database<'_>, clients: usize) -> Result<(Window, u64)> {
    database.psql("CREATE SEQUENCE platform.bench_position CACHE 100")?;
    let more = database.psql(
        "SELECT coalesce(string_agg(attname, ' '), '') FROM pg_attribute \
         WHERE attrelid = 'platform.events'::regclass AND attname IN ('sender', 'workspace')",
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
    pgbench.args(["-T", &seconds.to_string(), "-l"]);
    let script = insert(&load::show(rig, EVENTS)?, &more);
    fs::write(directory.join(SCRIPT), script)?;
    pgbench.args(["-f", SCRIPT]);
    pgbench.arg(database.name()).current_dir(&directory);
    let (costs, said) = load::run_other(rig, &pgbench)?;
    let rows = processed(&said).with_context(|| said.clone())?;
    let mut logs = String::new();
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension != "sql") {
            logs.push_str(&fs::read_to_string(path)?);
        }
    }
    let mut window = after(&logs, rig.pace.warm.as_secs_f64()).context("pgbench kept no times")?;
    // The costs are of the whole run.
    #[expect(clippy::cast_precision_loss, reason = "nobody commits 2^52 rows")]
    let share = window.events as f64 / rows as f64;
    let costs = costs.cpu_s.into_iter();
    window.cpu_s = costs.map(|(name, cpu)| (name, cpu * share)).collect();
    Ok((window, rows))
}

/// One statement, so that each client prepares it once: a number from a sequence picks the event
/// and makes it the row's own.
fn insert(events: &[Value], more: &str) -> String {
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
    if more.contains("sender") {
        columns.push_str(", sender");
        let _ = write!(values, ", '{:032x}'", 7);
    }
    if more.contains("workspace") {
        columns.push_str(", workspace");
        values.push_str(", 0");
    }
    format!(
        "INSERT INTO platform.events ({columns}) SELECT {values} \
         FROM nextval('platform.bench_position') AS n;\n"
    )
}

/// Transactions, from what pgbench says at its end.
fn processed(said: &str) -> Option<u64> {
    let mut lines = said.lines();
    let count =
        lines.find_map(|line| line.strip_prefix("number of transactions actually processed: "))?;
    count.split(['/', ' ']).next()?.parse().ok()
}

/// What a log tells of the time after its clients have warmed up. A line has, among others, how
/// long a transaction took in microseconds, and when it ended: seconds and microseconds.
fn after(log: &str, warm_s: f64) -> Option<Window> {
    let mut all: Vec<(f64, f64)> = log
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| fields.get(at)?.parse::<f64>().ok();
            Some((number(4)? + number(5)? / 1e6, number(2)?))
        })
        .collect();
    all.sort_by(|one, two| one.0.total_cmp(&two.0));
    let (first, last) = (all.first()?.0, all.last()?.0);
    let counted = all.iter().filter(|(ended, _)| *ended > first + warm_s);
    let mut times: Vec<f64> = counted.map(|(_, took)| *took).collect();
    times.sort_by(f64::total_cmp);
    let at =
        |percent: usize| Some(times.get((times.len() * percent).div_ceil(100).max(1) - 1)? / 1e6);
    Some(Window {
        seconds: last - first - warm_s,
        events: times.len() as u64,
        p50_s: at(50)?,
        p99_s: at(99)?,
        ..Window::default()
    })
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
        let statement = insert(&[event], "sender workspace");
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
        assert_eq!(processed(said), Some(5520));
    }

    #[test]
    fn what_came_while_clients_warmed_up_does_not_count() {
        let log = "0 1 9000 0 100 0\n1 1 300 0 101 500000\n0 2 100 0 102 0\n";
        let window = after(log, 1.0).expect("times");
        assert_eq!(window.events, 2);
        assert!((window.seconds - 1.0).abs() < 1e-9);
        assert!((window.p50_s - 0.0001).abs() < 1e-9 && (window.p99_s - 0.0003).abs() < 1e-9);
        assert!(after("", 1.0).is_none());
    }
}
