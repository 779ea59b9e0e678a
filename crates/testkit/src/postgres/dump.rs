//! Everything that is in a database, as text, for tests that look for what must not be there.

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Every row of every table that is not PostgreSQL's own, with the table's name.
///
/// # Panics
/// If the database cannot be read.
pub async fn dump(url: &str) -> Vec<(String, String)> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a database");
    let connection = tokio::spawn(connection);
    let tables = "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
                  AND n.nspname NOT LIKE 'pg_toast%'";
    let mut rows = Vec::new();
    for table in texts(&client.simple_query(tables).await.expect("its tables")) {
        let all = format!("SELECT t::text FROM {table} t");
        let read = client.simple_query(&all).await.expect("its rows");
        rows.extend(texts(&read).map(|row| (table.clone(), row)));
    }
    connection.abort();
    rows
}

fn texts(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = String> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    })
}
