//! Secrets are planted everywhere one goes in, and searched for everywhere something comes out: in the
//! log, in answers, figures, spans, commands, the database and the files of the data directory.

mod planting;
mod search;

use std::path::Path;
use std::process::Stdio;

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use pts_testkit::postgres::dump;

use crate::collector::Collector;
use crate::harness::{Server, data_dir, program, run};
use crate::receiver::Receiver;
use planting::Planting;
use search::{Canaries, Findings};

/// Paths that answer with everything there is.
const ANSWERS: [&str; 17] = [
    "/v1/events?limit=1000",
    "/v1/events/export?format=ndjson",
    "/v1/events/export?format=csv",
    "/v1/quarantine?limit=1000",
    "/v1/accounting",
    "/v1/services",
    "/v1/services/payments",
    "/v1/deployments",
    "/v1/deployments/feed.atom",
    "/v1/contradictions",
    "/v1/state",
    "/v1/at",
    "/v1/actions",
    "/metrics",
    "/openapi.json",
    "/healthz",
    "/readyz",
];

#[tokio::test]
async fn no_secret_comes_out_anywhere() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let mut canaries = Canaries::default();
    let mut findings = Findings::default();

    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    // Nobody asks for a password here; the server does not know that.
    let user = format!("pts:{}@", canaries.word("database"));
    let url = database.url().replacen("pts@", &user, 1);
    assert_ne!(url, database.url());
    let collector = Collector::start().await;
    let user = canaries.word("collector");
    let endpoint = collector
        .address
        .replace("http://", &format!("http://pts:{user}@"));
    let receiver = Receiver::start().await;
    let (port, word) = (receiver.port, canaries.word("a webhook's path"));
    let webhook = format!("http://127.0.0.1:{port}/{word}?key={word}");
    let webhook_token = canaries.word("a webhook's token");
    let allow = format!("[outbound]\nallow = [\"127.0.0.1:{port}\"]\n");
    std::fs::write(dir.path().join("pts.toml"), allow).unwrap();
    let environment = [
        ("PTS__AUDIT__CHECKPOINT_S", "1"),
        ("PTS__AUDIT__WEBHOOK", webhook.as_str()),
        ("PTS__AUDIT__WEBHOOK_TOKEN", webhook_token.as_str()),
        ("PTS__TRACES__OTLP_ENDPOINT", endpoint.as_str()),
        ("PTS__DATABASE__URL", url.as_str()),
        ("PTS__LOG__LEVEL", "debug"),
        ("RUST_BACKTRACE", "full"),
    ];
    let log_file = dir.path().join("server.log");
    let log = std::fs::File::create(&log_file).unwrap();
    let server = Server::start_watched(dir.path(), &[], &environment, log.into()).await;
    canaries.token("admin", &server.token);

    let mut planting = Planting::new(&server, &mut canaries, dir.path(), &environment).await;
    let stream = planting.follow().await;
    planting.events().await;
    planting.what_is_no_event().await;
    planting.actions_and_tools().await;
    planting.doors().await;
    planting.questions().await;
    let followed = planting.read_to_the_end(stream).await;
    findings.out("the stream", &followed);
    for (what, text) in std::mem::take(&mut planting.said) {
        findings.out(&what, text);
    }
    answers(&server, &mut findings).await;
    commands(dir.path(), &environment, &mut findings).await;
    for (what, text) in wrong_settings(&mut canaries).await {
        findings.out(&what, text);
    }
    spans_were_sent(&server).await;
    let told = async |_: &Server| !receiver.taken().is_empty();
    server.until("the webhook was told", told).await;
    let (_, figures) = server.get("/metrics").await;
    let masked = "pts_masked_values_total{rule=\"password\",source=\"canary-app\"}";
    assert!(figures.as_str().unwrap().contains(masked), "{figures}");
    assert!(server.end("TERM").await.success());

    let spans = collector.everything();
    assert!(!spans.is_empty());
    findings.out("spans", spans);
    findings.out("the webhook", receiver.lines());
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(log.contains("DEBUG") && log.lines().count() > 20, "{log}");
    for (table, row) in dump(database.url()).await {
        findings.out(&format!("the table {table}"), row);
    }
    database.stop().await;
    findings.files(dir.path(), &["admin-token"]);
    findings.files(elsewhere.path(), &[]);

    // It is there where it must be, so the search finds what there is to find.
    assert!(findings.holds("the table platform.events", "[masked:password]"));
    assert!(findings.holds("the table platform.quarantine", "[masked:password]"));
    assert!(findings.holds("the stream", "[masked:password]"));
    let kept = std::fs::read_to_string(dir.path().join("admin-token")).unwrap();
    assert!(!canaries.search().found_in(kept.as_bytes()).is_empty());
    let leaks = findings.leaks(&canaries);
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}

/// Everything that can be asked.
async fn answers(server: &Server, findings: &mut Findings) {
    for path in ANSWERS {
        let (status, headers, body) = server.ask_fully(reqwest::Method::GET, path, None).await;
        assert!(!status.is_server_error(), "{path}: {status} {body}");
        findings.out(path, format!("{headers:?} {body}"));
    }
}

/// What the program says beside the server.
async fn commands(dir: &Path, environment: &[(&str, &str)], findings: &mut Findings) {
    for arguments in [
        &["config", "print"][..],
        &["config", "check"],
        &["token", "list"],
        &["token", "list", "--format", "json"],
        &["quarantine", "list", "--format", "json"],
        &["verify"],
    ] {
        let mut command = program(dir);
        command.envs(environment.iter().copied()).args(arguments);
        let ran = command.output().await.unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        findings.out(&format!("{arguments:?}"), format!("{ran:?}"));
    }
}

async fn spans_were_sent(server: &Server) {
    let sent = async |server: &Server| {
        let (_, text) = server.get("/metrics").await;
        let lines = text.as_str().unwrap().lines();
        let mut sent = lines.filter_map(|line| line.strip_prefix("pts_spans_exported_total "));
        sent.any(|number| number.parse::<u64>().is_ok_and(|sent| sent > 20))
    };
    server.until("the spans were sent", sent).await;
}

/// What the program says of settings with secrets in them that are wrong.
async fn wrong_settings(canaries: &mut Canaries) -> Vec<(String, String)> {
    let dir = data_dir();
    let mut said = Vec::new();
    let wrong = [
        (
            "PTS__DATABASE__URL",
            format!("postgres://u:{}@h:port/db", canaries.word("url")),
        ),
        (
            "PTS__DATABASE__URL",
            format!("postgres://u:{}@127.0.0.1:1/db", canaries.word("away")),
        ),
        (
            "PTS__TRACES__OTLP_ENDPOINT",
            format!("https://u:{}@h", canaries.word("endpoint")),
        ),
        (
            "PTS__AUDIT__WEBHOOK_TOKEN",
            canaries.word("a token without a webhook"),
        ),
    ];
    for (name, value) in wrong {
        let mut command = program(dir.path());
        command
            .env(name, &value)
            .env("PTS__DATABASE__WAIT_S", "0")
            .stdin(Stdio::null());
        let ran = command
            .args(["--log-level", "debug", "migrate"])
            .output()
            .await
            .unwrap();
        assert!(!ran.status.success(), "{name}");
        said.push((format!("a wrong {name}"), format!("{ran:?}")));
    }
    let provider = format!(
        "public_url = \"https://pts.example\"\n[oidc]\nissuer = \"https://login.example\"\n\
         client_id = \"pts\"\nclient_secret = \"{}\"\n[[oidc.roles]]\ngroup = \"sre\"\nroles = [\"viewer\"]\n",
        canaries.word("a provider's secret")
    );
    let file = dir.path().join("own.toml");
    std::fs::write(&file, provider).unwrap();
    for command in ["print", "check"] {
        let ran = run(
            dir.path(),
            &["--config", file.to_str().unwrap(), "config", command],
        )
        .await;
        assert!(ran.status.success(), "{ran:?}");
        said.push((format!("config {command}"), format!("{ran:?}")));
    }
    let inside = format!(
        "http://u:{}@127.0.0.1:9/{}?key={}",
        canaries.word("outbound user"),
        canaries.word("outbound path"),
        canaries.word("outbound query")
    );
    let ran = run(dir.path(), &["--log-level", "debug", "outbound", &inside]).await;
    assert!(!ran.status.success());
    let text = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(text.contains("loopback"), "{text}");
    said.push(("a call inside".to_owned(), format!("{ran:?}")));
    said
}
