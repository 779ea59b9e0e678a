//! The pool, and the rule by which connections go back to it: only after a use that ended well. A
//! future that is dropped half way, or an error that leaves doubt, costs a connection and never
//! hands its transaction to the next borrower.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::StoreError;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::DatabaseSettings;
use crate::connection::{Connection, Driver, Opener};
use crate::error::{Fault, classify, setting};
use crate::lane::Lane;
use crate::sql::Sql;
use crate::workspaces::Numbers;

/// Connections that do something else than read, at the least: retention may have one for long.
const OTHERS: usize = 3;

/// A bounded set of connections to one database. Cheap to clone; connects when first used.
#[derive(Clone)]
pub struct PgPool {
    pool: managed::Pool<Manager>,
    /// Those that show one workspace at a time, and change nothing.
    readers: managed::Pool<Manager>,
    home: Arc<Home>,
    numbers: Arc<Numbers>,
    /// What is left of the connections for reads that can wait. Some stay free of them, so that
    /// however much is asked, events are taken in and tokens are checked.
    reads: Arc<Semaphore>,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    connections: usize,
}

impl fmt::Debug for PgPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgPool")
            .field("max_connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// The runtime that the pool was made in. Connections live there, and not in that of whoever happens to
/// need one first: a server's worker threads have runtimes of their own, which may be busy with
/// something else, and end before others are done.
#[derive(Clone)]
struct Home {
    opener: Opener,
    runtime: Handle,
}

impl Home {
    async fn open<T, F>(&self, opening: impl FnOnce(Opener) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
        T: Send + 'static,
    {
        let opening = self.runtime.spawn(opening(self.opener.clone()));
        opening
            .await
            .map_err(|error| Fault::Broken(format!("a connection was not opened: {error}")))?
    }
}

struct Manager(Home);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Fault;

    async fn create(&self) -> Result<Connection, Fault> {
        self.0
            .open(|opener| async move { opener.open().await })
            .await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Fault> {
        if connection.driver.is_finished() {
            return Err(RecycleError::message("closed"));
        }
        Ok(())
    }
}

/// Makes a pool. Does not connect: that the database answers shows in the first use, or in
/// `EventLog::ready`.
///
/// # Errors
/// [`StoreError::Other`] when the URL is wrong or a file that it names cannot be read.
pub fn connect(settings: &DatabaseSettings) -> Result<PgPool, StoreError> {
    // The statement's own limit is kept on this side; the server's is there for whoever it loses.
    let server_limit = settings.statement_timeout + Duration::from_secs(1);
    let opener = Opener::new(&settings.url, server_limit, "pg_catalog, pg_temp")?;
    let runtime = Handle::try_current().map_err(|error| setting(error.to_string()))?;
    let home = Home { opener, runtime };
    let connections = settings.max_connections.max(1);
    let reading = (connections * 3 / 4).max(1);
    let built = |home: &Home, size: usize| {
        managed::Pool::builder(Manager(home.clone()))
            .max_size(size)
            .wait_timeout(Some(settings.acquire_timeout))
            .create_timeout(Some(settings.acquire_timeout))
            .recycle_timeout(Some(settings.acquire_timeout))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| setting(error.to_string()))
    };
    let reader = Home {
        opener: home.opener.clone().reading(),
        runtime: home.runtime.clone(),
    };
    Ok(PgPool {
        pool: built(&home, (connections - reading).max(OTHERS))?,
        readers: built(&reader, reading)?,
        numbers: Arc::default(),
        home: Arc::new(home),
        reads: Arc::new(Semaphore::new(reading)),
        acquire_timeout: settings.acquire_timeout,
        statement_timeout: settings.statement_timeout,
        connections,
    })
}

impl PgPool {
    /// Closes all connections that are not in use and refuses new ones.
    pub fn close(&self) {
        self.pool.close();
        self.readers.close();
    }

    /// The numbers of workspaces.
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Opens a connection for somebody who keeps it, beside those that are borrowed. `session` is run
    /// first.
    pub(crate) async fn lane(&self, session: &'static str) -> Result<Lane, Fault> {
        self.open(move |opener| async move { Lane::open(&opener, session).await })
            .await
    }

    /// The same, for use with diesel.
    pub(crate) async fn own(&self) -> Result<Connection, Fault> {
        self.open(|opener| async move { opener.open().await }).await
    }

    /// Opens a connection that hears what is announced on a channel.
    pub(crate) async fn listen(
        &self,
        channel: &'static str,
    ) -> Result<(Client, Driver, watch::Receiver<i64>), Fault> {
        self.open(move |opener| async move { opener.listen(channel).await })
            .await
    }

    /// Opens a connection that is not of the pool, within the time that one of the pool may take.
    async fn open<T, F>(&self, opening: impl FnOnce(Opener) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
        T: Send + 'static,
    {
        tokio::time::timeout(self.acquire_timeout, self.home.open(opening))
            .await
            .unwrap_or_else(|_| Err(Fault::Broken("the database does not answer".into())))
    }

    /// Lets something go on by itself, where the connections live.
    pub(crate) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        self.home.runtime.spawn(future)
    }

    /// How long a statement may take.
    pub(crate) fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    /// Borrows a connection that may do everything.
    pub(crate) async fn lease(&self) -> Result<Lease, Fault> {
        borrowed(&self.pool).await
    }

    /// Borrows a connection that changes nothing and shows one workspace.
    pub(crate) async fn reader(&self, workspace: i32) -> Result<Lease, Fault> {
        let mut lease = borrowed(&self.readers).await?;
        match lease.confine(workspace).await {
            Ok(()) => Ok(lease),
            Err(fault) => Err(lease.fail(fault).await),
        }
    }

    /// Reads the rows of a query of one workspace, when it is its turn; or, without one, of a query
    /// about how far the log is, which is nobody's. A connection that turns out to be dead costs a second
    /// try.
    pub(crate) async fn read<'q, U>(
        &self,
        workspace: Option<i32>,
        query: impl Fn() -> Sql<'q> + Send + Sync,
    ) -> Result<Vec<U>, StoreError>
    where
        U: QueryableByName<Pg> + Send + 'static,
    {
        let _turn = self.turn(self.acquire_timeout).await?;
        let mut tries = Tries::default();
        loop {
            let mut lease = borrowed(&self.readers).await?;
            let reading = async {
                if let Some(workspace) = workspace {
                    lease.confine(workspace).await?;
                }
                let rows = query().rows(lease.connection());
                rows.await.map_err(classify)
            };
            let read = match tokio::time::timeout(self.statement_timeout, reading).await {
                Ok(Ok(rows)) => {
                    lease.give_back();
                    Ok(rows)
                }
                Ok(Err(fault)) => Err(lease.fail(fault).await),
                Err(_) => Err(Fault::Busy("the database took too long to answer".into())),
            };
            match read {
                Err(fault) if tries.again(&fault, self) => {}
                other => return other.map_err(Fault::into_store_error),
            }
        }
    }

    /// Reads the rows of a query over all workspaces, for upkeep, when it is its turn. A connection that
    /// turns out to be dead costs a second try.
    pub(crate) async fn load<'q, U>(
        &self,
        query: impl Fn() -> Sql<'q> + Send + Sync,
    ) -> Result<Vec<U>, StoreError>
    where
        U: QueryableByName<Pg> + Send + 'static,
    {
        let _turn = self.turn(self.acquire_timeout).await?;
        self.load_first(query).await
    }

    /// Waits for a turn to read what can wait.
    pub(crate) async fn turn(&self, patience: Duration) -> Result<SemaphorePermit<'_>, Fault> {
        match tokio::time::timeout(patience, self.reads.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Fault::Busy("too much is read at the same time".into())),
        }
    }

    /// Reads the rows of a small query that others depend on, out of turn.
    pub(crate) async fn load_first<'q, U>(
        &self,
        query: impl Fn() -> Sql<'q> + Send + Sync,
    ) -> Result<Vec<U>, StoreError>
    where
        U: QueryableByName<Pg> + Send + 'static,
    {
        let mut tries = Tries::default();
        loop {
            let lease = self.lease().await?;
            let running = query().rows(lease.connection());
            let result = tokio::time::timeout(self.statement_timeout, running).await;
            match lease.settle(result).await {
                Err(fault) if tries.again(&fault, self) => {}
                other => return other.map_err(Fault::into_store_error),
            }
        }
    }

    /// Runs a statement, once, and returns how many rows it changed.
    pub(crate) async fn execute(
        &self,
        query: impl FnOnce() -> Sql<'static> + Send,
    ) -> Result<usize, StoreError> {
        let lease = self.lease().await?;
        let running = query().run(lease.connection());
        let result = tokio::time::timeout(self.statement_timeout, running).await;
        lease.settle(result).await.map_err(|fault| match fault {
            Fault::Broken(reason) => StoreError::Unavailable {
                reason,
                maybe_done: true,
            },
            other => other.into_store_error(),
        })
    }
}

async fn borrowed(pool: &managed::Pool<Manager>) -> Result<Lease, Fault> {
    use managed::PoolError as E;
    let object = pool.get().await.map_err(|error| match error {
        E::Backend(fault) => fault,
        E::Timeout(managed::TimeoutType::Wait) => {
            Fault::Busy("all connections to the database are in use".into())
        }
        E::Timeout(_) => Fault::Broken("the database does not answer".into()),
        E::Closed => Fault::Busy("the connections to the database are closed".into()),
        E::PostCreateHook(_) | E::NoRuntimeSpecified => {
            Fault::Broken("the pool of connections is not set up".into())
        }
    })?;
    Ok(Lease(Some(object)))
}

/// Counts what has been tried: a dead connection is replaced once, a lost race is run again a few
/// times.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    broken: u8,
    conflicts: u8,
}

impl Tries {
    /// Whether the same may be tried again after this. What ended one connection is ending the
    /// others: the next try gets a new one.
    pub(crate) fn again(&mut self, fault: &Fault, pool: &PgPool) -> bool {
        let (count, most) = match fault {
            Fault::Broken(_) => {
                pool.pool.retain(|_, _| false);
                pool.readers.retain(|_, _| false);
                (&mut self.broken, 1)
            }
            Fault::Conflict(_) => (&mut self.conflicts, 5),
            Fault::Busy(_) | Fault::Failed(_) | Fault::Corrupt(_) => return false,
        };
        *count += 1;
        *count <= most
    }
}

/// A borrowed connection. Unless it is given back with [`Lease::give_back`] or
/// [`Lease::settle`], dropping it closes the connection.
pub(crate) struct Lease(Option<Object<Manager>>);

impl Lease {
    /// The connection, shared: statements that are polled together are sent together.
    #[expect(
        clippy::expect_used,
        reason = "taken out only by what consumes the lease"
    )]
    pub(crate) fn connection(&self) -> &AsyncPgConnection {
        &self.0.as_ref().expect("still held").diesel
    }

    /// Has the connection show this workspace and nothing else. It remembers: only a change costs a
    /// trip.
    async fn confine(&mut self, workspace: i32) -> Result<(), Fault> {
        let Some(object) = &mut self.0 else {
            return Err(Fault::Broken("the connection is given back".into()));
        };
        if object.workspace == Some(workspace) {
            return Ok(());
        }
        object.workspace = None;
        let setting = format!("SET pts.workspace = '{workspace}'");
        let mut connection = &object.diesel;
        connection.batch_execute(&setting).await.map_err(classify)?;
        object.workspace = Some(workspace);
        Ok(())
    }

    /// Hands the connection to the next borrower. Only for one that is in no transaction and has
    /// nothing under way.
    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }

    /// Ends a use: gives the connection back if that is safe, and says what an error was.
    pub(crate) async fn settle<T>(
        self,
        result: Result<diesel::QueryResult<T>, tokio::time::error::Elapsed>,
    ) -> Result<T, Fault> {
        match result {
            Ok(Ok(value)) => {
                self.give_back();
                Ok(value)
            }
            Ok(Err(error)) => Err(self.fail(classify(error)).await),
            Err(_) => Err(Fault::Busy("the database took too long to answer".into())),
        }
    }

    /// Ends a use of several statements: gives the connection back, or says what their failure was.
    pub(crate) async fn finish<T>(self, result: Result<T, Fault>) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                self.give_back();
                Ok(value)
            }
            Err(fault) => Err(self.fail(fault).await.into()),
        }
    }

    /// Ends a use that failed. An error of a statement may be the server's last word on this
    /// connection (it is being shut down) or leave a transaction behind: a rollback tells, and
    /// cleans up.
    pub(crate) async fn fail(self, fault: Fault) -> Fault {
        if matches!(fault, Fault::Broken(_) | Fault::Busy(_)) {
            return fault;
        }
        let mut connection = self.connection();
        let rollback = connection.batch_execute("ROLLBACK");
        match tokio::time::timeout(Duration::from_secs(1), rollback).await {
            Ok(Ok(())) => {
                self.give_back();
                fault
            }
            Ok(Err(_)) | Err(_) => match fault {
                Fault::Failed(error) => {
                    Fault::Broken(format!("the connection to the database is lost: {error}"))
                }
                other => other,
            },
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
