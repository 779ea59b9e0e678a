//! One connection: opened with TLS as asked for, put into a known state, and driven by a task of
//! our own, so that its end is noticed when it comes and not when somebody next needs it.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures::{StreamExt as _, stream};
use pts_ports::StoreError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{self, Fault, setting};
use crate::tls;
use crate::url::{self, Target};

/// How long opening a connection to one host may take, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens connections of one kind.
#[derive(Clone)]
pub(crate) struct Opener {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    session: Arc<str>,
    /// How long opening may take from beginning to end. The driver bounds no more than reaching the
    /// server, and one that stands still is reached.
    within: Duration,
}

/// An open connection. Dropping it closes the socket at once, whatever is under way.
pub(crate) struct Connection {
    pub(crate) diesel: AsyncPgConnection,
    pub(crate) driver: Driver,
    /// The workspace that it shows, where it is known to.
    pub(crate) workspace: Option<i32>,
}

/// The task that moves a connection's bytes.
pub(crate) struct Driver(JoinHandle<()>);

impl Driver {
    /// Whether the other side is gone, as far as it has been heard.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The state of every connection. Plans are made for disks without heads: reading a hundred rows in
/// the order of an index beats collecting and sorting them. What a role may not set or a server
/// does not know is asked for politely.
fn session(statement_timeout: Duration, search_path: &str) -> String {
    format!(
        "SET search_path = {search_path};
         SET timezone = 'UTC';
         SET jit = off;
         SET random_page_cost = 1.1;
         SET default_transaction_isolation = 'read committed';
         SET statement_timeout = {};
         SET idle_in_transaction_session_timeout = '5min';
         DO $$ BEGIN
             IF current_setting('synchronous_commit') = 'off' THEN
                 SET synchronous_commit = on;
             END IF;
         END $$;
         DO $$ BEGIN
             SET client_connection_check_interval = '2s';
         EXCEPTION WHEN OTHERS THEN NULL;
         END $$;
         DO $$ BEGIN
             SET lc_messages = 'C';
         EXCEPTION WHEN OTHERS THEN NULL;
         END $$;",
        statement_timeout.as_millis()
    )
}

impl Opener {
    /// For connections whose statements may take so long; zero is for ever.
    ///
    /// # Errors
    /// What is wrong with the URL or a file that it names.
    pub(crate) fn new(
        url: &str,
        statement_timeout: Duration,
        search_path: &str,
    ) -> Result<Self, StoreError> {
        let Target { mut config, tls } =
            url::parse(url).map_err(|why| setting(format!("the database URL is wrong: {why}")))?;
        let tls = if config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
            None
        } else {
            Some(MakeRustlsConnect::new(
                tls::client_config(&tls).map_err(setting)?,
            ))
        };
        if config.get_application_name().is_none() {
            config.application_name("pts");
        }
        let each = *config.get_connect_timeout().unwrap_or(&CONNECT_TIMEOUT);
        config.connect_timeout(each);
        // Hosts are tried one after the other.
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
        let within = each * u32::try_from(hosts.max(1)).unwrap_or(u32::MAX);
        // A server that vanished without a word is given up in seconds, not in the quarter of an
        // hour that TCP takes.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(10));
        }
        Ok(Self {
            config,
            tls,
            session: session(statement_timeout, search_path).into(),
            within,
        })
    }

    /// For connections that change nothing and show what they are confined to: by a role that owns
    /// nothing, to which the policies of the tables apply whoever the service logs in as.
    pub(crate) fn reading(self) -> Self {
        let session = format!("{} SET ROLE pts_reader;", self.session);
        Self {
            session: session.into(),
            ..self
        }
    }

    /// Opens one.
    pub(crate) async fn open(&self) -> Result<Connection, Fault> {
        self.in_time(async {
            let (client, driver) = self.prepared().await?;
            let diesel = AsyncPgConnection::try_from(client).await.map_err(|error| {
                Fault::Broken(format!("no connection to the database: {error}"))
            })?;
            let workspace = None;
            Ok(Connection {
                diesel,
                driver,
                workspace,
            })
        })
        .await
    }

    /// Opens one for use without diesel.
    pub(crate) async fn open_bare(&self) -> Result<(Client, Driver), Fault> {
        self.in_time(self.prepared()).await
    }

    async fn in_time<T>(
        &self,
        opening: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::time::timeout(self.within, opening)
            .await
            .unwrap_or_else(|_| Err(Fault::Broken("the database does not answer".into())))
    }

    /// Opens one that does nothing but hear what is announced on a channel: the numbers, the newest
    /// instead of all.
    pub(crate) async fn listen(
        &self,
        channel: &str,
    ) -> Result<(Client, Driver, watch::Receiver<i64>), Fault> {
        self.in_time(async {
            let (tell, heard) = watch::channel(0);
            let (client, driver) = self.dial(Some(tell)).await?;
            client
                .batch_execute(&format!("LISTEN {channel}"))
                .await
                .map_err(|error| error::connecting(&error))?;
            Ok((client, driver, heard))
        })
        .await
    }

    /// A connection in its known state.
    async fn prepared(&self) -> Result<(Client, Driver), Fault> {
        let (client, driver) = self.dial(None).await?;
        client
            .batch_execute(&self.session)
            .await
            .map_err(|error| error::connecting(&error))?;
        Ok((client, driver))
    }

    async fn dial(&self, heard: Option<watch::Sender<i64>>) -> Result<(Client, Driver), Fault> {
        Ok(if let Some(tls) = &self.tls {
            let connecting = self.config.connect(tls.clone()).await;
            let (client, connection) = connecting.map_err(|error| error::connecting(&error))?;
            (client, drive(connection, heard))
        } else {
            let connecting = self.config.connect(NoTls).await;
            let (client, connection) = connecting.map_err(|error| error::connecting(&error))?;
            (client, drive(connection, heard))
        })
    }
}

fn drive<S>(
    mut connection: tokio_postgres::Connection<tokio_postgres::Socket, S>,
    heard: Option<watch::Sender<i64>>,
) -> Driver
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    Driver(tokio::spawn(async move {
        let mut messages = stream::poll_fn(|cx| connection.poll_message(cx));
        while let Some(message) = messages.next().await {
            match message {
                Ok(AsyncMessage::Notification(told)) => {
                    if let (Some(heard), Ok(position)) = (&heard, told.payload().parse()) {
                        heard.send_replace(position);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = %error::chain(&error), "a database connection ended");
                    break;
                }
            }
        }
    }))
}
