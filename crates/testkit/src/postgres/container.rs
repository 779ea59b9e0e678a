//! A PostgreSQL server in a container that ends itself when the test process is gone.

use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::core::wait::LogWaitStrategy;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::{NoServer, settings};

const PORT: ContainerPort = ContainerPort::Tcp(5432);

/// The advisory lock, in the database `postgres`, that the test process holds as long as it lives.
const LEASE: i64 = 0x0070_7473;

/// What runs in the container. The server's connection to the test process is the lease: it holds
/// the lock and leaves a mark that it did. Once there is the mark, the watcher waits for the lock;
/// when the process is gone, however it ended, the connection is closed, the watcher gets the lock
/// and stops the server, and the engine removes the container. A process that ended before it took
/// the lease is noticed after a minute.
const COMMAND: &str = r#"
ask() { psql -XqtA -U postgres -d postgres -c "$1" 2>/dev/null; }
watch() {
    waited=0
    until [ "$waited" -ge 60 ] || [ "$(ask "SELECT to_regclass('leased') IS NOT NULL")" = t ]; do
        sleep 1
        waited=$((waited + 1))
    done
    ask "SELECT pg_advisory_lock(LEASE)" >/dev/null
    kill -INT 1
}
watch &
exec docker-entrypoint.sh postgres "$@"
"#;

/// Takes the lease: while the connection that does so lives, the server does.
pub(super) fn take_lease() -> String {
    format!("SELECT pg_advisory_lock({LEASE}); CREATE TABLE leased ()")
}

/// What a container engine says about an image.
pub(super) enum Look {
    /// No engine answers, and why.
    NoEngine(String),
    /// An engine answers and has no such image.
    NoImage,
    /// It is there.
    Here,
}

/// Asks the engine for an image.
pub(super) async fn look(image: &str) -> Look {
    let docker = match Docker::connect_with_defaults() {
        Ok(docker) => docker,
        Err(error) => return Look::NoEngine(error.to_string()),
    };
    // A daemon that hangs costs seconds, not the run.
    match tokio::time::timeout(Duration::from_secs(5), docker.ping()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Look::NoEngine(error.to_string()),
        Err(_) => return Look::NoEngine("it does not answer within 5 s".to_owned()),
    }
    match docker.inspect_image(image).await {
        Ok(_) => Look::Here,
        Err(_) => Look::NoImage,
    }
}

/// A running container. The engine removes it when its server ends; dropping this ends it, too.
pub(super) struct Running {
    pub(super) url: String,
    _container: ContainerAsync<GenericImage>,
}

/// Starts a server; an image that is not here is pulled.
pub(super) async fn start(image: &str) -> Result<Running, NoServer> {
    let failed = |error| NoServer::failed(image, error);
    // A colon before the last slash belongs to a registry's port.
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    };
    // The first start makes the cluster with a server of its own, which says so, too.
    let ready = LogWaitStrategy::stdout_or_stderr("database system is ready to accept connections")
        .with_times(2);
    let script = COMMAND.replace("LEASE", &LEASE.to_string());
    let mut command = vec!["sh".to_owned(), "-c".into(), script, "sh".into()];
    for (setting, value) in settings::THROW_AWAY {
        command.extend(["-c".to_owned(), format!("{setting}={value}")]);
    }
    let container = GenericImage::new(name, tag)
        .with_exposed_port(PORT)
        .with_wait_for(WaitFor::log(ready))
        // It listens on this machine's ports for minutes and holds nothing but test data.
        .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_label("dev.pts.testkit", "postgres")
        .with_cmd(command)
        .with_startup_timeout(Duration::from_mins(2))
        .with_host_config_modifier(|host| host.auto_remove = Some(true))
        .start()
        .await
        .map_err(failed)?;
    let host = container.get_host().await.map_err(failed)?;
    let port = container.get_host_port_ipv4(PORT).await.map_err(failed)?;
    // `localhost` may mean an address family that the engine does not publish on.
    let host = match host.to_string().as_str() {
        "localhost" => "127.0.0.1".to_owned(),
        other => other.to_owned(),
    };
    Ok(Running {
        url: format!("postgresql://postgres@{host}:{port}/postgres"),
        _container: container,
    })
}
