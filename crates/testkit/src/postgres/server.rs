//! One server for all tests of a process and major version, kept by a thread of its own: the tests'
//! runtimes come and go, it stays.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, mpsc, oneshot, watch};
use tokio_postgres::{Client, NoTls};

use super::container::{self, Look};
use super::settings::{self, Mode};
use super::{NoServer, local, report};

/// The migrated database that those of the tests are copies of.
const TEMPLATE: &str = "pts_test_template";

/// A PostgreSQL server for tests. It ends with the process.
pub struct Server {
    /// Up to the name of the database.
    base_url: String,
    orders: mpsc::Sender<Order>,
}

/// What the keeper of a server is asked to do.
pub(super) struct Order {
    /// Statements, each in a transaction of its own.
    pub(super) sql: Vec<String>,
    /// Makes sure that the template is there first.
    pub(super) template: bool,
    /// Gets the outcome.
    pub(super) done: Option<oneshot::Sender<Result<(), String>>>,
}

type Outcome = Result<Arc<Server>, NoServer>;
type Servers = HashMap<Option<u16>, watch::Receiver<Option<Outcome>>>;

static SERVERS: LazyLock<Mutex<Servers>> = LazyLock::new(Mutex::default);

impl Server {
    /// The server of a major version, or of any where none is named; started if it does not run.
    pub async fn obtain(major: Option<u16>) -> Result<Arc<Self>, NoServer> {
        // Whoever takes any shares the server of whoever asks for that very version.
        static ANY: OnceCell<Option<u16>> = OnceCell::const_new();
        let major = match major {
            Some(major) => Some(major),
            None => *ANY.get_or_init(any_major).await,
        };
        let mut outcome = {
            let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
            servers
                .entry(major)
                .or_insert_with(|| {
                    let (tell, outcome) = watch::channel(None);
                    let keeper = move || keep(major, &tell);
                    thread::Builder::new()
                        .name("postgres-keeper".to_owned())
                        .spawn(keeper)
                        .expect("a thread for the server");
                    outcome
                })
                .clone()
        };
        let outcome = outcome
            .wait_for(Option::is_some)
            .await
            .map_err(|_| NoServer::Failed("the thread that keeps it has ended".to_owned()))?;
        outcome.clone().expect("waited for")
    }

    /// The connection string of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base_url)
    }

    /// Carries statements out and waits for the end.
    pub(super) async fn run(&self, template: bool, sql: Vec<String>) {
        let (done, outcome) = oneshot::channel();
        let done = Some(done);
        let order = Order {
            sql,
            template,
            done,
        };
        let sent = self.orders.send(order).await;
        assert!(sent.is_ok(), "the keeper of the test server has ended");
        let answered = outcome
            .await
            .unwrap_or_else(|_| Err("the keeper of the test server has ended".into()));
        if let Err(error) = answered {
            panic!("{error}");
        }
    }

    /// Has a statement carried out some time, if there is room for it.
    pub(super) fn run_later(&self, sql: String) {
        // What is left undone dies with the server.
        let _ = self.orders.try_send(Order {
            sql: vec![sql],
            template: false,
            done: None,
        });
    }
}

/// The life of the thread that keeps a server.
fn keep(major: Option<u16>, tell: &watch::Sender<Option<Outcome>>) {
    // Migrations block inside async code, which a runtime of one thread forbids.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for the server");
    runtime.block_on(async {
        let (orders, mut ordered) = mpsc::channel(1024);
        let started = start(major).await;
        let (running, client) = match started {
            Ok(started) => started,
            Err(error) => {
                tell.send_replace(Some(Err(error)));
                return;
            }
        };
        let (base_url, _) = running.url().rsplit_once('/').expect("a database's name");
        let server = Arc::new(Server {
            base_url: base_url.to_owned(),
            orders,
        });
        tell.send_replace(Some(Ok(Arc::clone(&server))));
        let mut templated = false;
        // The server itself holds a sender: this goes on until the process ends.
        while let Some(order) = ordered.recv().await {
            let outcome = carry_out(&order, &mut templated, &server, &client).await;
            if let Some(done) = order.done {
                // Whoever asked may be gone.
                let _ = done.send(outcome);
            }
        }
    });
}

async fn carry_out(
    order: &Order,
    templated: &mut bool,
    server: &Server,
    client: &Client,
) -> Result<(), String> {
    if order.template && !*templated {
        make_template(server, client).await?;
        *templated = true;
    }
    for sql in &order.sql {
        execute(client, sql).await?;
    }
    Ok(())
}

async fn make_template(server: &Server, client: &Client) -> Result<(), String> {
    execute(client, &format!("CREATE DATABASE {TEMPLATE}")).await?;
    pts_adapter_postgres::migrate(&server.url(TEMPLATE))
        .await
        .map_err(|error| format!("the template cannot be migrated: {error} ({error:?})"))?;
    // A template that somebody is connected to cannot be copied.
    execute(
        client,
        &format!("ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false"),
    )
    .await?;
    let leave = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'"
    );
    execute(client, &leave).await
}

/// The statement that makes a copy of the template.
pub(super) fn copy_template(name: &str) -> String {
    format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
}

async fn execute(client: &Client, sql: &str) -> Result<(), String> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| format!("{sql}: {error} ({error:?})"))
}

enum Running {
    Container(Box<container::Running>),
    Local(local::Running),
}

impl Running {
    fn url(&self) -> &str {
        match self {
            Self::Container(container) => &container.url,
            Self::Local(local) => &local.url,
        }
    }
}

/// Which version is meant where none is named: the first whose image is here, if containers may
/// be used; whatever binaries are found otherwise.
async fn any_major() -> Option<u16> {
    if !matches!(Mode::of_environment(), Ok(Mode::Auto | Mode::Containers)) {
        return None;
    }
    for major in settings::MAJORS {
        if let Look::Here = container::look(&settings::image(major)).await {
            return Some(major);
        }
    }
    None
}

/// Starts a server where the environment says, and connects to it.
async fn start(major: Option<u16>) -> Result<(Running, Client), NoServer> {
    let image = settings::image(major.unwrap_or(settings::MAJORS[0]));
    match Mode::of_environment()? {
        Mode::Local => start_local(major, "").await,
        Mode::Containers => start_container(&image).await,
        Mode::Auto => match container::look(&image).await {
            Look::Here => start_container(&image).await,
            Look::NoEngine(why) => start_local(major, &format!(" (no container engine: {why})"))
                .await
                .map_err(|error| match error {
                    NoServer::Absent(local) => {
                        NoServer::Absent(format!("{local}; no container engine: {why}"))
                    }
                    failed @ NoServer::Failed(_) => failed,
                }),
            Look::NoImage => match start_local(major, &format!(" (no image {image} here)")).await {
                // Its registry may give the image, where nothing else is left.
                Err(NoServer::Absent(local)) => start_container(&image)
                    .await
                    .map_err(|error| NoServer::Absent(format!("{local}; {error}"))),
                other => other,
            },
        },
    }
}

async fn start_container(image: &str) -> Result<(Running, Client), NoServer> {
    let running = container::start(image).await?;
    let client = connect(&running.url).await?;
    client
        .batch_execute(&container::take_lease())
        .await
        .map_err(|error| NoServer::failed("no lease", error))?;
    report::say("container", image, "");
    Ok((Running::Container(Box::new(running)), client))
}

async fn start_local(major: Option<u16>, why: &str) -> Result<(Running, Client), NoServer> {
    let running = local::start(major).await?;
    let client = connect(&running.url).await?;
    let version: String = client
        .query_one("SHOW server_version", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|error| NoServer::failed("no version", error))?;
    let version = version.split(' ').next().unwrap_or_default();
    report::say("local", version, why);
    Ok((Running::Local(running), client))
}

/// Connects; a port that is published a moment too early is asked again.
async fn connect(url: &str) -> Result<Client, NoServer> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match tokio_postgres::connect(url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return Ok(client);
            }
            Err(error) if Instant::now() > until => return Err(NoServer::failed(url, error)),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
