//! The server itself: a socket, workers, and a stop that lets running requests finish.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use pts_services::Gateway;
use tokio::sync::watch;

use crate::middleware::{observe, secure};
use crate::shared::Shared;
use crate::tls::on_connect;
use crate::{HttpSettings, Tls, routes};

/// Serves the gateway on a socket that is already bound, from now on and until the server is told
/// to [stop](Running::stop) or dropped.
///
/// # Errors
/// When the socket cannot be used.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn bind(
    gateway: Arc<Gateway>,
    settings: HttpSettings,
    listener: TcpListener,
) -> io::Result<Running> {
    let local_addr = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let (head_timeout, idle_timeout) = (settings.head_timeout, settings.idle_timeout);
    let (stop_timeout, workers) = (settings.stop_timeout, settings.workers);
    let tls = settings.tls.clone();
    let config = tls.as_ref().map(|tls| tls.config()).transpose();
    let config = config.map_err(io::Error::other)?;
    let reloading = stopping.clone();
    let shared = Data::new(Shared::new(gateway, settings, stopping));

    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .configure(|config| {
                routes::configure(config);
            })
            // The last one wrapped is the outermost.
            .wrap(Compress::default())
            .wrap(from_fn(secure))
            .wrap(from_fn(observe))
    })
    .on_connect(on_connect);
    let server = match config {
        Some(config) => server.listen_rustls_0_23(listener, config)?,
        None => server.listen(listener)?,
    };
    let server = server
        .keep_alive(KeepAlive::Timeout(idle_timeout))
        .client_request_timeout(head_timeout)
        .shutdown_timeout(stop_timeout.as_secs())
        .disable_signals();
    let server = match workers {
        Some(workers) => server.workers(workers),
        None => server,
    };
    if let Some(tls) = tls {
        tokio::spawn(keep_fresh(tls, reloading));
    }
    let server = server.run();
    let handle = server.handle();
    let (ending, ended) = watch::channel(None);
    tokio::spawn(async move {
        let outcome = server
            .await
            .map_err(|error| (error.kind(), error.to_string()));
        ending.send_replace(Some(outcome));
    });
    Ok(Running {
        local_addr,
        stop,
        handle,
        ended,
    })
}

/// How often it is looked whether the files of a certificate have changed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Takes changed certificates until the server stops.
async fn keep_fresh(tls: Arc<Tls>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        refresh(&tls).await;
    }
}

/// Takes a certificate anew if its files have changed, and says so in the log.
pub async fn refresh(tls: &Arc<Tls>) {
    let looking = Arc::clone(tls);
    match tokio::task::spawn_blocking(move || looking.refresh()).await {
        Ok(Ok(true)) => tracing::info!(ends_at = tls.expires_at(), "a new certificate is served"),
        Ok(Ok(false)) | Err(_) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the new certificate cannot be used; the old one is served on");
        }
    }
}

/// How a server ended.
type Outcome = Result<(), (io::ErrorKind, String)>;

/// A server that takes requests.
pub struct Running {
    local_addr: SocketAddr,
    stop: watch::Sender<bool>,
    handle: ServerHandle,
    ended: watch::Receiver<Option<Outcome>>,
}

impl Running {
    /// Where it listens; tells the port that port 0 became.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until it has ended, whatever made it end.
    ///
    /// # Errors
    /// When it ended because its socket failed.
    pub async fn ended(&self) -> io::Result<()> {
        let mut ended = self.ended.clone();
        match ended
            .wait_for(Option::is_some)
            .await
            .map(|outcome| outcome.clone())
        {
            Ok(Some(Err((kind, text)))) => Err(io::Error::new(kind, text)),
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("the server was ended from outside")),
        }
    }

    /// Takes no more connections, closes live streams and idle connections at once, lets running
    /// requests finish within [`HttpSettings::stop_timeout`], and returns when that is done.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.handle.stop(true).await;
    }
}

impl Drop for Running {
    /// Without a [`Running::stop`] before, connections are cut off.
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // The command is sent here; only its completion would have to be awaited.
        drop(self.handle.stop(false));
    }
}
