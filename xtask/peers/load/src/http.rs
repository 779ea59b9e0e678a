//! Connections that are kept open, each sending its next request when the last was answered; or,
//! with a rate, each at its own moments.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, net::TcpStream, time};

use crate::{
    answer::Answers,
    events::{POOL, Requests},
    report::{self, Shared, Windows},
};

/// Post events.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// HOST:PORT
    #[arg(long)]
    address: String,

    /// Where to post to
    #[arg(long, default_value = "/v1/events")]
    path: String,

    /// A file with the bearer token; several share the connections among them
    #[arg(long)]
    token_file: Vec<PathBuf>,

    /// Connections
    #[arg(long)]
    connections: usize,

    /// Threads that serve the connections
    #[arg(long, default_value_t = 1)]
    threads: usize,

    /// Events of a request, in an array; 0 for one without an array
    #[arg(long, default_value_t = 0)]
    batch: usize,

    /// Events a second, over all connections; without it as many as are answered
    #[arg(long)]
    rate: Option<f64>,

    /// Begin with the identities of this cycle; one that was used gives repeats
    #[arg(long, default_value_t = 0)]
    first_cycle: u64,

    /// After 429 and 503, wait so long, whatever Retry-After says
    #[arg(long)]
    retry_ms: Option<u64>,

    #[command(flatten)]
    windows: Windows,
}

struct Run {
    address: String,
    /// Of the requests, up to their length: one for each token.
    heads: Vec<String>,
    requests: Requests,
    /// Number of the next request.
    next: AtomicU64,
    stop: AtomicBool,
    /// Events of one request.
    events: u64,
    /// Between two requests of a connection.
    interval: Option<Duration>,
    retry: Option<Duration>,
}

/// Runs the load and prints what it found.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    ensure!(
        plan.connections > 0 && plan.threads > 0,
        "nothing to load with"
    );
    ensure!(
        plan.batch == 0 || POOL.is_multiple_of(plan.batch),
        "a batch must divide {POOL}"
    );
    let requests = Requests::new(plan.batch);
    let events = plan.batch.max(1) as u64;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let interval = plan
        .rate
        .map(|rate| Duration::from_secs_f64(plan.connections as f64 * events as f64 / rate));
    let run = Arc::new(Run {
        address: plan.address.clone(),
        heads: heads(plan)?,
        next: AtomicU64::new(plan.first_cycle * requests.per_cycle()),
        requests,
        stop: AtomicBool::new(false),
        events,
        interval,
        retry: plan.retry_ms.map(Duration::from_millis),
    });

    let threads = plan.threads.min(plan.connections);
    let ready = Arc::new(Barrier::new(threads + 1));
    let tallies: Vec<Arc<Shared>> = (0..threads).map(|_| Arc::default()).collect();
    let workers: Vec<_> = (0..threads)
        .map(|nth| {
            let (run, ready, tally) = (run.clone(), ready.clone(), tallies[nth].clone());
            let all = plan.connections;
            let own: Vec<usize> = (nth..all).step_by(threads).collect();
            thread::spawn(move || serve(&run, &ready, &tally, &own, all))
        })
        .collect();
    ready.wait();
    let shared: Vec<&Shared> = tallies.iter().map(AsRef::as_ref).collect();
    let mut result = Ok(());
    report::windows(&plan.windows, &shared, || {
        run.stop.store(true, Ordering::Relaxed);
        for worker in workers {
            let ended = worker
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")));
            if result.is_ok() {
                result = ended;
            }
        }
    });
    result
}

fn heads(plan: &Plan) -> Result<Vec<String>> {
    let head = |authorization: &str| {
        format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: application/json\r\n",
            plan.path, plan.address
        )
    };
    if plan.token_file.is_empty() {
        return Ok(vec![head("")]);
    }
    let of_file = |file: &PathBuf| {
        let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        Ok(head(&format!("Authorization: Bearer {}\r\n", text.trim())))
    };
    plan.token_file.iter().map(of_file).collect()
}

/// The connections of one thread.
fn serve(
    run: &Arc<Run>,
    ready: &Barrier,
    tally: &Arc<Shared>,
    own: &[usize],
    all: usize,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let connected = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in own {
            let stream = TcpStream::connect(&run.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        anyhow::Ok(streams)
    });
    // Whether or not it worked: the others wait.
    ready.wait();
    let streams = connected.with_context(|| format!("connect {}", run.address))?;
    runtime.block_on(async {
        let tasks: Vec<_> = streams
            .into_iter()
            .zip(own)
            .map(|(stream, &nth)| {
                let (run, tally) = (run.clone(), tally.clone());
                tokio::spawn(async move { drive(&run, &tally, stream, nth, all).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

async fn drive(
    run: &Run,
    tally: &Shared,
    mut stream: TcpStream,
    nth: usize,
    all: usize,
) -> Result<()> {
    let head = &run.heads[nth % run.heads.len()];
    let mut answers = Answers::new();
    let mut request = Vec::new();
    let mut due = run.interval.map(|interval| {
        let share = u32::try_from(nth).unwrap_or(0);
        Instant::now() + interval * share / u32::try_from(all).unwrap_or(1)
    });
    while !run.stop.load(Ordering::Relaxed) {
        let mut began = None;
        if let (Some(moment), Some(interval)) = (&mut due, run.interval) {
            if Instant::now() < *moment {
                time::sleep_until((*moment).into()).await;
            } else {
                // It is late because the answer before was: that wait is part of this one's time.
                began = Some(*moment);
            }
            *moment += interval;
        }
        request.clear();
        request.extend_from_slice(head.as_bytes());
        run.requests
            .write(run.next.fetch_add(1, Ordering::Relaxed), &mut request);
        let began = began.unwrap_or_else(Instant::now);
        stream.write_all(&request).await?;
        let answer = answers.next(&mut stream).await?;
        let took = began.elapsed();
        match answer.status {
            200..=202 => report::lock(tally).done(run.events, answer.status, took),
            status => {
                report::lock(tally).failed(status, || {
                    let body = String::from_utf8_lossy(answers.body());
                    format!("{status}: {}", body.chars().take(400).collect::<String>())
                });
                if matches!(status, 429 | 503) {
                    let told = Duration::from_secs(answer.retry_after_s.unwrap_or(1));
                    time::sleep(run.retry.unwrap_or(told)).await;
                }
            }
        }
    }
    Ok(())
}
