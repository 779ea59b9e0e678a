//! Rows into the table of events by COPY BINARY, as bare as a client can be: the limit that the
//! server's way of storing events is held against. The rows are those that the server makes of the
//! same events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use tokio_postgres::{Client, NoTls};

use crate::{
    events::{Day, Event, POOL, Text, mix},
    report::{self, Shared, Windows},
};

/// Copy rows.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// A connection string
    #[arg(long)]
    connect: String,

    /// Connections, each with a thread of its own
    #[arg(long)]
    connections: usize,

    /// Rows of a COPY, which is committed by itself
    #[arg(long, default_value_t = 1000)]
    batch: usize,

    /// End after so many rows, not after a time
    #[arg(long)]
    rows: Option<u64>,

    /// Begin with the identities of this cycle
    #[arg(long, default_value_t = 0)]
    first_cycle: u64,

    #[command(flatten)]
    windows: Windows,
}

/// In the order in which rows are written below; the last is left out where the table has none.
const COLUMNS: [&str; 16] = [
    "position",
    "id",
    "source",
    "event_id",
    "type",
    "subject",
    "time",
    "time_given",
    "received_at",
    "service",
    "environment",
    "data",
    "attributes",
    "digest",
    "sender",
    "workspace",
];

/// PostgreSQL counts from 2000.
const EPOCH_US: i64 = 946_684_800_000_000;

struct Run {
    day: Day,
    pool: Vec<Row>,
    next: AtomicU64,
    stop: AtomicBool,
    batch: u64,
    /// The number of the row to end before.
    end: u64,
    connect: String,
}

/// An event as a row; its texts have places for what differs.
struct Row {
    event: Event,
    id: Text,
    data: Text,
}

/// Runs the load and prints what it found.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    ensure!(
        plan.connections > 0 && plan.batch > 0,
        "nothing to load with"
    );
    let first = plan.first_cycle * POOL as u64;
    let run = Arc::new(Run {
        day: Day::today(),
        pool: (0..POOL).map(row).collect(),
        next: AtomicU64::new(first),
        stop: AtomicBool::new(false),
        batch: plan.batch as u64,
        end: plan.rows.map_or(u64::MAX, |rows| first + rows),
        connect: plan.connect.clone(),
    });
    let tallies: Vec<Arc<Shared>> = (0..plan.connections).map(|_| Arc::default()).collect();
    let workers: Vec<_> = tallies
        .iter()
        .map(|tally| {
            let (run, tally) = (run.clone(), tally.clone());
            thread::spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(copy(&run, &tally))
            })
        })
        .collect();
    let shared: Vec<&Shared> = tallies.iter().map(AsRef::as_ref).collect();
    let mut result = Ok(());
    let join = || {
        for worker in workers {
            let ended = worker
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")));
            if result.is_ok() {
                result = ended;
            }
        }
    };
    if plan.rows.is_some() {
        join();
        println!(
            "{{\"acknowledged\":{}}}",
            shared.iter().map(|t| report::lock(t).events).sum::<u64>()
        );
    } else {
        report::windows(&plan.windows, &shared, || {
            run.stop.store(true, Ordering::Relaxed);
            join();
        });
    }
    result
}

fn row(number: usize) -> Row {
    let event = Event::new(number);
    Row {
        id: Text::new(event.id()),
        data: Text::new(event.data.clone()),
        event,
    }
}

async fn copy(run: &Run, tally: &Shared) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(&run.connect, NoTls)
        .await
        .context("cannot connect")?;
    let driver = tokio::spawn(connection);
    let columns = columns(&client).await?;
    let statement = client
        .prepare(&format!(
            "COPY platform.events (\"{}\") FROM STDIN BINARY",
            columns.join("\", \"")
        ))
        .await?;
    let mut buffer = BytesMut::new();
    while !run.stop.load(Ordering::Relaxed) {
        let first = run.next.fetch_add(run.batch, Ordering::Relaxed);
        let rows = run.batch.min(run.end.saturating_sub(first));
        if rows == 0 {
            break;
        }
        let began = Instant::now();
        encode(run, first..first + rows, columns.len(), &mut buffer);
        let sink = client.copy_in::<_, Bytes>(&statement).await?;
        futures::pin_mut!(sink);
        sink.send(buffer.split().freeze()).await?;
        let copied = sink.finish().await?;
        ensure!(copied == rows, "{copied} of {rows} rows were copied");
        report::lock(tally).done(rows, 0, began.elapsed());
    }
    drop(client);
    driver.await?.context("the connection failed")
}

/// The table's columns that rows are made for.
async fn columns(client: &Client) -> Result<Vec<&'static str>> {
    let found = client
        .query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = \
             'platform.events'::regclass AND attnum > 0 AND NOT attisdropped",
            &[],
        )
        .await?;
    let found: Vec<String> = found.iter().map(|row| row.get(0)).collect();
    let mut columns = COLUMNS.to_vec();
    // Older ones have fewer.
    for name in ["workspace", "sender"] {
        if !found.iter().any(|found| found == name) {
            columns.pop();
        }
    }
    for name in &found {
        let known = columns.iter().any(|column| column == name);
        ensure!(known, "this load knows nothing of the column {name}");
    }
    Ok(columns)
}

/// The binary format: a head, each row as a count of fields and fields with their lengths, an end.
fn encode(run: &Run, numbers: std::ops::Range<u64>, columns: usize, out: &mut BytesMut) {
    out.put_slice(b"PGCOPY\n\xff\r\n\0");
    out.put_u64(0);
    let (time, unix_us) = (run.day.time(), run.day.unix_us());
    let mut text = Vec::new();
    for number in numbers {
        let row = &run.pool[usize::try_from(number % POOL as u64).unwrap_or(0)];
        let cycle = u32::try_from(number / POOL as u64).unwrap_or(u32::MAX);
        out.put_i16(i16::try_from(columns).unwrap_or(0));
        field(out, &(number + 1).to_be_bytes());
        field(out, &id(unix_us, number).to_be_bytes());
        field(out, row.event.source.as_bytes());
        text.clear();
        row.id.write(cycle, &time, &mut text);
        field(out, &text);
        field(out, row.event.kind.as_bytes());
        out.put_i32(-1);
        field(out, &(unix_us - EPOCH_US).to_be_bytes());
        field(out, &[1]);
        field(out, &(unix_us - EPOCH_US).to_be_bytes());
        field(out, row.event.service.as_bytes());
        field(out, row.event.environment.as_bytes());
        // jsonb: a version before the text.
        text.clear();
        text.push(1);
        row.data.write(cycle, &time, &mut text);
        field(out, &text);
        field(out, b"\x01{}");
        let digest = u128::from(mix(number)) << 64 | u128::from(mix(number ^ 0xabcd));
        field(out, &digest.to_be_bytes());
        if columns + 1 >= COLUMNS.len() {
            field(out, &id(0, 7).to_be_bytes());
        }
        if columns == COLUMNS.len() {
            field(out, &0_i32.to_be_bytes());
        }
    }
    out.put_i16(-1);
}

fn field(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).unwrap_or(0));
    out.put_slice(bytes);
}

/// A time-ordered UUID (version 7), its other bits spread by the number.
fn id(unix_us: i64, number: u64) -> u128 {
    let (ms, rest) = (unix_us / 1000, mix(number));
    let ms = u128::try_from(ms).unwrap_or(0) & 0xffff_ffff_ffff;
    let within = u128::from(number & 0xfff);
    ms << 80 | 7 << 76 | within << 64 | 2 << 62 | u128::from(rest >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_run() -> Run {
        Run {
            day: Day::today(),
            pool: (0..40).map(row).collect(),
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            batch: 10,
            end: u64::MAX,
            connect: String::new(),
        }
    }

    #[test]
    fn rows_have_as_many_fields_as_there_are_columns() {
        for columns in [14, 15, 16] {
            let mut out = BytesMut::new();
            encode(&a_run(), 0..3, columns, &mut out);
            let mut at = 19;
            let mut take = |count: usize| {
                at += count;
                out[at - count..at].to_vec()
            };
            for _ in 0..3 {
                assert_eq!(take(2), [0, u8::try_from(columns).expect("few")]);
                for _ in 0..columns {
                    let length = i32::from_be_bytes(take(4).try_into().expect("four bytes"));
                    take(usize::try_from(length).unwrap_or(0));
                }
            }
            assert_eq!(take(2), [255, 255]);
            assert_eq!(at, out.len());
        }
    }

    #[test]
    fn ids_are_versioned_and_ordered_by_time() {
        let (one, two) = (id(1_000_000, 5), id(2_000_000, 4));
        assert!(one < two);
        assert_eq!(one >> 76 & 0xf, 7);
        assert_eq!(one >> 62 & 3, 2);
    }
}
