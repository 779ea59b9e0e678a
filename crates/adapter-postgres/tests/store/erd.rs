//! `docs/erd.md` shows the tables as a migrated database has them. `UPDATE_DOCS=1` rewrites it.

use std::fmt::Write as _;
use std::path::Path;

use pts_testkit::postgres::TestDb;
use tokio_postgres::Client;

use super::support::outside;

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->";

#[tokio::test]
async fn the_diagram_shows_the_tables_that_are_there() {
    let database = TestDb::fresh().await;
    let drawn = draw(&outside(&database).await).await;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/erd.md");
    let text = std::fs::read_to_string(&page).expect("docs/erd.md is there");
    let (before, rest) = text.split_once(BEGIN).expect("the page marks its diagram");
    let (shown, after) = rest
        .split_once(END)
        .expect("the page marks its diagram's end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}{drawn}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, drawn, "run this test with UPDATE_DOCS=1");
    }
}

/// The tables in Mermaid's words: keys marked, NULL said, partitions left out.
async fn draw(client: &Client) -> String {
    let columns = client
        .query(
            "SELECT n.nspname::text, c.relname::text, a.attname::text, \
             format_type(a.atttypid, NULL), a.attnotnull, \
             EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary \
             AND a.attnum = ANY(x.indkey)), \
             EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisunique \
             AND NOT x.indisprimary AND x.indnatts = 1 AND a.attnum = ANY(x.indkey)), \
             c.relkind = 'v' \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE n.nspname IN ('platform', 'access') AND c.relkind IN ('r', 'p', 'v') \
             AND NOT c.relispartition ORDER BY 1, 2, a.attnum",
            &[],
        )
        .await
        .unwrap();
    let mut drawn = "```mermaid\nerDiagram\n".to_owned();
    let mut open = String::new();
    for row in columns {
        let (schema, table): (String, String) = (row.get(0), row.get(1));
        let (column, kind): (String, String) = (row.get(2), row.get(3));
        let (not_null, key, unique, view): (bool, bool, bool, bool) =
            (row.get(4), row.get(5), row.get(6), row.get(7));
        let name = format!("{schema}.{table}");
        if open != name {
            if !open.is_empty() {
                drawn.push_str("    }\n");
            }
            let _ = writeln!(drawn, "    \"{name}\" {{");
            open = name;
        }
        let kind = match kind.as_str() {
            "timestamp with time zone" => "timestamptz".to_owned(),
            other => other.replace("[]", "_array").replace(' ', "_"),
        };
        let marks = match (key, unique) {
            (true, _) => " PK",
            (_, true) => " UK",
            _ => "",
        };
        let null = if not_null || view { "" } else { " \"NULL\"" };
        let _ = writeln!(drawn, "        {kind} {column}{marks}{null}");
    }
    drawn.push_str("    }\n");
    for (one, other, says) in RELATIONS {
        let _ = writeln!(drawn, "    \"{one}\" {other} : \"{says}\"");
    }
    drawn + "```\n"
}

/// What the database does not say: nothing refers to anything by a foreign key, because
/// everything is worked out from the log and can be thrown away.
const RELATIONS: &[(&str, &str, &str)] = &[
    ("platform.log_head", "||--o{ \"platform.events\"", "counts"),
    (
        "platform.events",
        "||--o{ \"platform.contradictions\"",
        "does not fit",
    ),
    (
        "platform.events",
        "}o--o{ \"platform.deployments\"",
        "makes",
    ),
    ("platform.events", "}o--o{ \"platform.services\"", "makes"),
    ("platform.events", "}o--o{ \"platform.instances\"", "makes"),
    ("platform.events", "}o--o{ \"platform.images\"", "makes"),
    ("platform.events", "}o--o{ \"platform.states\"", "makes"),
    ("platform.events", "}o--o{ \"platform.configs\"", "makes"),
    ("platform.events", "}o--o{ \"platform.incidents\"", "makes"),
    ("platform.events", "||--o| \"platform.runs\"", "opens"),
    (
        "platform.runs",
        "||--o| \"platform.run_intervals\"",
        "is shown with its end",
    ),
    (
        "platform.services",
        "||--o{ \"platform.instances\"",
        "consists of",
    ),
    (
        "platform.services",
        "||--o{ \"platform.deployments\"",
        "is brought by",
    ),
    (
        "platform.deployments",
        "||--o{ \"platform.incidents\"",
        "caused",
    ),
    (
        "platform.retention_runs",
        "|o--o{ \"platform.events\"",
        "removed",
    ),
    (
        "platform.retention_runs",
        "||--o{ \"platform.retention_removed\"",
        "counts by source",
    ),
    ("access.tokens", "||--o{ \"access.tokens\"", "issued"),
];
