//! A connection of the driver itself, for what must be sent in one go, in order: diesel-async
//! prepares a statement when it first meets it, which lets those behind it overtake, has no COPY, and
//! hands on no SQLSTATE. The statements are still written with diesel.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::SinkExt as _;
use futures::future::join_all;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, SimpleQueryMessage, Statement};

use crate::connection::{Driver, Opener};
use crate::error::{Fault, chain};
use crate::sql::Raw;

/// So many prepared statements are kept: each takes memory on the server.
const MOST_KEPT: usize = 128;

/// One step of a pipeline.
pub(crate) enum Step {
    /// SQL without values; may be several statements.
    Plain(&'static str),
    /// A statement that is prepared once.
    Kept(Raw),
}

/// The connection.
pub(crate) struct Lane {
    client: Arc<Client>,
    _driver: Driver,
    kept: HashMap<Box<str>, Statement>,
}

impl Lane {
    /// Opens one; `session` is run first.
    pub(crate) async fn open(opener: &Opener, session: &str) -> Result<Self, Fault> {
        let (client, driver) = opener.open_bare().await?;
        client
            .batch_execute(session)
            .await
            .map_err(|error| Fault::Broken(chain(&error)))?;
        Ok(Self {
            client: Arc::new(client),
            _driver: driver,
            kept: HashMap::new(),
        })
    }

    /// Whether the other side is gone, as far as it has been heard.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Sends all steps at once and waits for all their answers: how many rows each changed, or the
    /// first error. What follows an error inside a transaction fails with it.
    ///
    /// The answers come with one trip to the server once its statements are prepared; preparing
    /// happens before anything is sent, so that the order of the steps holds.
    pub(crate) async fn pipeline(&mut self, steps: Vec<Step>) -> Result<Vec<u64>, Error> {
        self.ready(steps).await?.send().await
    }

    /// Prepares steps, so that sending them is one message. What is sent first is carried out first.
    pub(crate) async fn ready(&mut self, steps: Vec<Step>) -> Result<Pipeline, Error> {
        let mut ready = Vec::with_capacity(steps.len());
        for step in steps {
            ready.push(match step {
                Step::Plain(text) => Ready::Plain(text),
                Step::Kept(raw) => {
                    let statement = self.prepared(&raw.text, &raw.types).await?;
                    Ready::Kept(statement, raw.binds)
                }
            });
        }
        Ok(Pipeline {
            client: Arc::clone(&self.client),
            steps: ready,
        })
    }

    /// Asks for one number.
    pub(crate) async fn number(&mut self, text: &str) -> Result<Option<i64>, Error> {
        let statement = self.prepared(text, &[]).await?;
        let row = self.client.query_opt(&statement, &[]).await?;
        row.map(|row| row.try_get(0)).transpose()
    }

    /// Copies rows, already in the binary form of COPY, into a table.
    pub(crate) async fn copy(&mut self, statement: &str, rows: Bytes) -> Result<u64, Error> {
        let statement = self.prepared(statement, &[]).await?;
        let sink = self.client.copy_in(&statement).await?;
        futures::pin_mut!(sink);
        sink.send(rows).await?;
        sink.finish().await
    }

    /// Asks for one word.
    pub(crate) async fn word(&self, text: &str) -> Result<Option<String>, Error> {
        let answer = self.client.simple_query(text).await?;
        Ok(answer.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Runs SQL without values.
    pub(crate) async fn plain(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    async fn prepared(&mut self, text: &str, types: &[Type]) -> Result<Statement, Error> {
        if let Some(statement) = self.kept.get(text) {
            return Ok(statement.clone());
        }
        if self.kept.len() >= MOST_KEPT {
            // Dropping them frees them on the server, too.
            self.kept.clear();
        }
        let statement = self.client.prepare_typed(text, types).await?;
        self.kept.insert(text.into(), statement.clone());
        Ok(statement)
    }
}

/// Steps that wait to be sent.
pub(crate) struct Pipeline {
    client: Arc<Client>,
    steps: Vec<Ready>,
}

enum Ready {
    Plain(&'static str),
    Kept(Statement, Vec<Option<Vec<u8>>>),
}

impl Pipeline {
    /// Sends them when it is first polled, and waits for their answers.
    pub(crate) async fn send(self) -> Result<Vec<u64>, Error> {
        let client = &self.client;
        let sent = self.steps.iter().map(|step| async move {
            match step {
                Ready::Plain(text) => client.batch_execute(text).await.map(|()| 0),
                Ready::Kept(statement, binds) => {
                    let binds = binds.iter().map(Bind);
                    client.execute_raw(statement, binds).await
                }
            }
        });
        join_all(sent).await.into_iter().collect()
    }
}

/// A value that diesel has put into the server's form already.
#[derive(Debug)]
struct Bind<'a>(&'a Option<Vec<u8>>);

impl ToSql for Bind<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
