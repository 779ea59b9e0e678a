//! Roles and policies of an operator's, in a program that runs.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::harness::{Server, data_dir, run};

const NO_READS: &str = r#"@id("no-reads") forbid (principal, action in Action::"read", resource);"#;
const NO_WRITES: &str =
    r#"@id("no-writes") forbid (principal, action in Action::"write", resource);"#;
const CONFIG: &str = "[access]\npolicies = \"policies.cedar\"\n\n\
    [roles.deployer]\nscopes = [\"events:write\"]\n";

#[tokio::test]
async fn policies_that_change_take_effect_within_a_second_on_every_process() {
    let dir = data_dir();
    let write = |text: &str| std::fs::write(dir.path().join("policies.cedar"), text).unwrap();
    write(NO_WRITES);
    std::fs::write(dir.path().join("pts.toml"), CONFIG).unwrap();
    let server = Server::start(dir.path(), &[]).await;
    let (status, _) = server.get("/v1/events").await;
    assert_eq!(status, StatusCode::OK);

    write(NO_READS);
    let took = server
        .until("reading is forbidden", async |server: &Server| {
            server.get("/v1/events").await.0 == StatusCode::FORBIDDEN
        })
        .await;
    assert!(took < Duration::from_secs(1), "took {took:?}");

    std::fs::remove_file(dir.path().join("policies.cedar")).unwrap();
    let closed =
        async |server: &Server| server.get("/readyz").await.0 == StatusCode::SERVICE_UNAVAILABLE;
    let took = server.until("the process is not ready", closed).await;
    assert!(took < Duration::from_secs(1), "took {took:?}");
    let (status, body) = server.get("/v1/events").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "policy_unavailable");

    write(NO_WRITES);
    let opened = async |server: &Server| server.get("/readyz").await.0 == StatusCode::OK;
    let took = server.until("the process is ready again", opened).await;
    assert!(took < Duration::from_secs(1), "took {took:?}");
    assert_eq!(server.get("/v1/events").await.0, StatusCode::OK);
}

#[tokio::test]
async fn tokens_have_roles_that_are_configured_and_networks() {
    let dir = data_dir();
    std::fs::write(dir.path().join("policies.cedar"), NO_READS).unwrap();
    std::fs::write(dir.path().join("pts.toml"), CONFIG).unwrap();
    let server = Server::start(dir.path(), &[]).await;
    let create = ["token", "create", "--name", "ci", "--role"];
    let unknown = run(dir.path(), &[&create[..], &["deploier"]].concat()).await;
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        !unknown.status.success() && said.contains("`deployer`"),
        "{said}"
    );
    let network = ["deployer", "--network", "127.0.0.0/8,::1"];
    let made = run(dir.path(), &[&create[..], &network].concat()).await;
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let ask = async |token: &str, method: Method, path: &str, body: &str| {
        let request = server
            .client
            .request(method, format!("{}{path}", server.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body.to_owned());
        request.send().await.unwrap().status()
    };
    let event = r#"{ "type": "com.acme.tested", "source": "t", "id": "1" }"#;
    let sent = ask(&token, Method::POST, "/v1/events", event).await;
    assert_eq!(sent, StatusCode::CREATED);

    let elsewhere = ["deployer", "--network", "10.0.0.0/8"];
    let made = run(dir.path(), &[&create[..], &elsewhere].concat()).await;
    let outside = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let refused = ask(&outside, Method::POST, "/v1/events", event).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);

    let used = server
        .until("the use is written down", async |_: &Server| {
            let listed = run(dir.path(), &["token", "list"]).await;
            let listed = String::from_utf8(listed.stdout).unwrap();
            let line = |part: &str| listed.lines().find(|line| line.contains(part)).unwrap();
            assert!(line("from 10.0.0.0/8").contains("never used"), "{listed}");
            assert!(line("role deployer from 127.0.0.0/8,::1").contains("ci"));
            !line("from 127.0.0.0/8,::1").contains("never used")
        })
        .await;
    assert!(used < Duration::from_secs(10), "took {used:?}");
}

#[tokio::test]
async fn policies_and_roles_that_are_wrong_refuse_the_start_and_say_where() {
    let dir = data_dir();
    let check = async |config: &str, policies: &str, part: &str| {
        std::fs::write(dir.path().join("pts.toml"), config).unwrap();
        std::fs::write(dir.path().join("policies.cedar"), policies).unwrap();
        for command in [&["config", "check"][..], &["--listen", "127.0.0.1:0"]] {
            let refused = run(dir.path(), command).await;
            let said = String::from_utf8(refused.stderr).unwrap();
            assert!(!refused.status.success() && said.contains(part), "{said}");
        }
    };
    check(CONFIG, "// one\npermit (", "line 2").await;
    let misspelt =
        r#"@id("a") forbid (principal, action == Action::"platform.event.append", resource);"#;
    check(CONFIG, misspelt, "platform.event.append").await;
    let role = "[roles.deployer]\nscopes = [\"events:wirte\"]\n";
    check(role, NO_READS, "roles.deployer.scopes").await;
    std::fs::remove_file(dir.path().join("policies.cedar")).unwrap();
    std::fs::write(dir.path().join("pts.toml"), CONFIG).unwrap();
    let refused = run(dir.path(), &["config", "check"]).await;
    assert!(!refused.status.success(), "{refused:?}");
}

const QUIET: &str = r#"@id("no-discards") forbid (principal,
    action == Action::"platform.quarantine.discard", resource);"#;
const QUIETER: &str = r#"@id("no-replays") forbid (principal,
    action == Action::"platform.quarantine.replay", resource);"#;

/// What the audit tells of the rules, oldest first.
async fn told_of(server: &Server, action: &str) -> Vec<(String, String)> {
    let (status, found) = server.get(&format!("/v1/audit?action={action}")).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let entries = found["data"].as_array().unwrap().iter().rev();
    let told = entries.map(|one| {
        assert_eq!(one["principal"]["kind"], "itself", "{one}");
        (text(&one["outcome"]), text(&one["reason"]))
    });
    told.collect()
}

#[tokio::test]
async fn what_becomes_of_policies_and_roles_is_in_the_audit() {
    let dir = data_dir();
    let write = |text: &str| std::fs::write(dir.path().join("policies.cedar"), text).unwrap();
    write(QUIET);
    std::fs::write(dir.path().join("pts.toml"), CONFIG).unwrap();
    let server = Server::start(dir.path(), &[]).await;
    let told = async |server: &Server, number: usize| {
        let all = async |server: &Server| {
            let (status, _) = server.get("/v1/audit").await;
            status == StatusCode::OK && told_of(server, "access.policies").await.len() >= number
        };
        server.until("it is told", all).await;
        let told = told_of(server, "access.policies").await;
        assert_eq!(told.len(), number, "{told:?}");
        told.last().unwrap().clone()
    };
    let (outcome, first) = told(&server, 1).await;
    assert!(
        first.starts_with("from none to ") && first.ends_with(", 1 in force"),
        "{first}"
    );
    assert_eq!(outcome, "allowed");
    let roles = told_of(&server, "access.roles").await;
    assert_eq!(roles.len(), 1, "{roles:?}");

    write("// one\npermit (");
    let closed =
        async |server: &Server| server.get("/readyz").await.0 == StatusCode::SERVICE_UNAVAILABLE;
    server.until("nothing is permitted", closed).await;
    write(QUIET);
    let (outcome, again) = told(&server, 3).await;
    assert_eq!(outcome, "allowed", "{again}");
    let (outcome, broken) = told_of(&server, "access.policies").await.remove(1);
    assert_eq!(outcome, "failed");
    assert!(
        broken.contains("nothing is permitted: line 2, "),
        "{broken}"
    );
    assert!(server.end("TERM").await.success());

    // A start tells what is other than the audit knows, and nothing else.
    let server = Server::start(dir.path(), &[]).await;
    write(QUIETER);
    told(&server, 4).await;
    assert!(server.end("TERM").await.success());
    write(QUIET);
    let none = CONFIG.split("[roles").next().unwrap();
    std::fs::write(dir.path().join("pts.toml"), none).unwrap();
    let server = Server::start(dir.path(), &[]).await;
    told(&server, 5).await;
    let roles = told_of(&server, "access.roles").await;
    assert!(
        roles.len() == 2 && roles[1].1.ends_with(" to none, 0 in force"),
        "{roles:?}"
    );
}
