//! Running the service: start, wait for a signal, stop in order.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use pts_adapter_http::{Figure, HttpSettings, Tls};
use pts_domain::access::{Scope, TokenText};
use pts_domain::audit::{Actor, Effect};
use pts_ports::StoreError;
use pts_services::{Act, Gateway, NewToken};
use socket2::{Domain, Socket, Type};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::banner::{self, Banner};
use crate::config::{Settings, tls_figures};
use crate::database::{self, Patience, Purpose};
use crate::traces::Exporter;
use crate::wiring::Governance;
use crate::{audit, itself, sign_in, wiring};

/// How long the end waits for events that were accepted.
const SETTLE: Duration = Duration::from_secs(10);

/// The file in the data directory that keeps the first admin token.
const TOKEN_FILE: &str = "admin-token";

/// Connections that may wait to be taken.
const BACKLOG: i32 = 1024;

pub(crate) async fn run(settings: Settings, spans: Option<Exporter>) -> Result<ExitCode> {
    let figures = spans.as_ref().map_or_else(Vec::new, Exporter::figures);
    let spans = spans.map(Exporter::start);
    // Taken first: a signal during the start must stop it in order, too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    settings.check_listening()?;
    let address = settings.address()?;
    let governance = wiring::governance(&settings)?;
    let tls = settings.tls.open()?;
    // Bound before the database is touched: a taken port is the cheapest thing to find out.
    let socket = bound(address).with_context(|| format!("cannot listen on {address}"))?;
    make_data_dir(&settings.data_dir)?;

    let opened = tokio::select! {
        opened = database::open(&settings, Purpose::Serve) => opened?,
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    let outcome = serve(
        &settings,
        governance,
        (figures, tls),
        socket,
        &opened,
        async {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        },
    )
    .await;
    opened.close().await;
    if let Some(spans) = spans {
        spans.stop().await;
    }
    tracing::info!("stopped");
    outcome.map(|()| ExitCode::SUCCESS)
}

/// How requests are taken.
fn http(settings: &Settings, tls: Option<Arc<Tls>>, figures: Vec<Figure>) -> Result<HttpSettings> {
    let public_url = &settings.public_url;
    Ok(HttpSettings {
        public_url: (!public_url.is_empty()).then(|| public_url.clone()),
        proxies: settings.proxy.proxies()?,
        tls,
        max_body_bytes: settings.http.max_body_bytes,
        secure_cookies: settings.http.secure_cookies,
        workers: (settings.http.workers > 0).then_some(settings.http.workers),
        trace_ratio: settings.traces.sample_ratio,
        figures,
        ..HttpSettings::default()
    })
}

async fn serve(
    settings: &Settings,
    governance: Governance,
    (mut figures, tls): (Vec<Figure>, Option<Arc<Tls>>),
    socket: Socket,
    opened: &database::Opened,
    stop: impl Future<Output = &'static str>,
) -> Result<()> {
    let mut stop = pin!(stop);
    let limits = settings.limits.limits();
    let every = Duration::from_secs(settings.audit.checkpoint_s);
    let gateway = governance.over(
        wiring::gateway(&opened.pool)
            .limited(limits)
            .elevating(settings.elevation.rules()?)
            .keeping(settings.retention.policy()?)
            .masking(settings.masking.masker()?),
    );
    let gateway = Arc::new(sign_in::open(gateway, settings)?);
    let token_file = settings.data_dir.join(TOKEN_FILE);
    let token = tokio::select! {
        token = prepare(&gateway, &token_file, opened.patience) => token?,
        _ = &mut stop => return Ok(()),
    };

    let signs = audit::checkpointer(settings, gateway.audit())?;

    figures.extend(tls.iter().flat_map(tls_figures));
    figures.extend(audit::figures(&signs));
    let http = http(settings, tls.clone(), figures)?;
    let listener =
        listening(socket).with_context(|| format!("cannot listen on {}", settings.listen))?;
    // From here on whoever sends is heard.
    gateway.begin_receiving();
    let running = pts_adapter_http::bind(Arc::clone(&gateway), http, listener)
        .context("the HTTP server does not start")?;
    let address = running.local_addr();
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "ready");
    announce(&gateway, settings, address, token.as_deref(), &token_file);
    let upkeep = keep(settings, opened, &gateway)?;
    let audited = audit::Upkeep::begin(&gateway, signs, every);
    let (close_books, closing) = oneshot::channel::<()>();
    let books = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move {
            let closing = async {
                let _ = closing.await;
            };
            gateway.keep_books(closing).await;
        }
    });

    let (close_record, record_closing) = oneshot::channel::<()>();
    let record = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move {
            let closing = async {
                let _ = record_closing.await;
            };
            gateway.keep_record(closing).await;
        }
    });

    let (close_access, access) = keep_access(&gateway);

    let sign_in = sign_in::keep(&gateway, tls)?;
    let touch = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move { gateway.keep_in_touch(std::future::pending()).await }
    });

    let (stop_reporting, end) = oneshot::channel::<&'static str>();
    let reports = tokio::spawn({
        let (gateway, itself) = (Arc::clone(&gateway), itself::of(settings));
        async move { itself::report(&gateway, itself, end).await }
    });

    let reason = tokio::select! {
        signal = stop => {
            tracing::info!(signal, "stopping");
            signal
        }
        ended = running.ended() => {
            ended.context("the HTTP server ended by itself")?;
            "the HTTP server ended"
        }
    };
    running.stop().await;
    // Nobody can send anything from here on.
    drop(close_record);
    let _ = record.await;
    drop(close_access);
    let _ = access.await;
    let _ = stop_reporting.send(reason);
    let _ = reports.await;
    // What was answered with 202 is still on its way.
    if tokio::time::timeout(SETTLE, gateway.settle())
        .await
        .is_err()
    {
        tracing::warn!("some events that were accepted could not be stored before the end");
    }
    touch.abort();
    sign_in.abort();
    // Whatever it is at is taken back.
    upkeep.abort();
    let _ = upkeep.await;
    audited.end().await;
    // Nothing is counted any more: what was goes into the books.
    drop(close_books);
    let _ = books.await;
    Ok(())
}

/// A socket that has its address and does not listen: whoever connects while the start waits for the
/// database is refused at once instead of being left without an answer.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // As the standard library has it: connections that were just closed do not hold the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listening(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Reads what the service must know before the first request, and makes the first token.
async fn prepare(
    gateway: &Gateway,
    token_file: &Path,
    patience: Patience,
) -> Result<Option<String>> {
    patience
        .wait_for(async || gateway.warm_up().await)
        .await
        .context("the event log cannot be read")?;
    patience
        .wait_for(async || gateway.read_record().await)
        .await
        .context("the record of blind spots cannot be read")?;
    first_token(gateway, token_file, patience).await
}

/// Has policies taken over and uses of tokens written down, until the sender is dropped and once more
/// then.
fn keep_access(gateway: &Arc<Gateway>) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (close, closing) = oneshot::channel::<()>();
    let gateway = Arc::clone(gateway);
    let kept = tokio::spawn(async move {
        let closing = async {
            let _ = closing.await;
        };
        gateway.keep_access(closing).await;
    });
    (close, kept)
}

/// Has months made ahead and removed behind, as long as the service runs.
fn keep(
    settings: &Settings,
    opened: &database::Opened,
    gateway: &Arc<Gateway>,
) -> Result<JoinHandle<()>> {
    let (retention, policy) = (
        wiring::retention(&opened.pool),
        settings.retention.policy()?,
    );
    let gateway = Arc::clone(gateway);
    Ok(tokio::spawn(async move {
        retention.keep(policy, &gateway).await;
    }))
}

fn announce(
    gateway: &Gateway,
    settings: &Settings,
    address: SocketAddr,
    token: Option<&str>,
    token_file: &Path,
) {
    let database = if settings.database.url.is_empty() {
        format!("private PostgreSQL in {}", settings.data_dir.display())
    } else {
        settings.redacted().database.url
    };
    // A link that signs anybody in does not belong in the log that a service's output becomes.
    let watched = token.is_some() || io::stdout().is_terminal();
    let code = watched.then(|| gateway.access().new_code());
    let text = banner::text(&Banner {
        here: banner::here(settings, address),
        public: &settings.public_url,
        token,
        token_file,
        sign_in_code: code.as_ref().map(TokenText::reveal),
        database: &database,
    });
    // Nobody may be listening any more; that is no reason not to serve.
    let _ = io::stdout().write_all(text.as_bytes());
    let _ = io::stdout().flush();
}

/// Makes the admin token if there is no token that could make others.
async fn first_token(gateway: &Gateway, file: &Path, patience: Patience) -> Result<Option<String>> {
    let access = gateway.access();
    let there = patience
        .wait_for(async || access.has_admin().await)
        .await
        .context("the tokens cannot be read")?;
    if there {
        return Ok(None);
    }
    let (text, token) = access.draft(NewToken {
        name: "admin".into(),
        scopes: [Scope::Admin].into(),
        lasts: None,
        ..NewToken::default()
    });
    // Written first: a token whose text nobody has would stand in the way of the next start's.
    write_secret(file, text.reveal())
        .with_context(|| format!("cannot write the admin token to {}", file.display()))?;
    let act = Act::by(Actor::itself(), wiring::CREATE_TOKEN, Effect::Control);
    let act = act.with(&token.name);
    let audit = gateway.audit();
    patience
        .wait_for(async || {
            let kept = audit.control(act.clone(), access.keep(&token)).await;
            kept.unwrap_or_else(|error| Err(StoreError::unavailable(error.to_string())))
        })
        .await
        .context("the admin token cannot be stored")?;
    Ok(Some(text.reveal().to_owned()))
}

/// Writes a file that its owner alone can read, whole or not at all.
fn write_secret(file: &Path, secret: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let partial = file.with_extension("new");
    let _ = std::fs::remove_file(&partial);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    writeln!(out, "{secret}")?;
    out.sync_all()?;
    std::fs::rename(&partial, file)
}

fn make_data_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // Others may pass through, as the account of the private database must, and see nothing.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(dir)
        .with_context(|| format!("cannot make the data directory {}", dir.display()))
}
