//! Marks for dashboards: what touches a window, in the shape that they take.

use serde_json::{Value, json};

use super::support::{Reply, Server, deployment};

fn at(mut event: Value, time: &str) -> Value {
    event["time"] = time.into();
    event
}

fn incident(verb: &str) -> Value {
    json!({ "type": format!("incident.{verb}"), "source": "pager", "id": verb, "data": {
        "incident_id": "i-1", "severity": "SEV1", "title": "Card payments fail", "service": "payments",
        "environment": "production",
    } })
}

/// A deployment, and an incident soon after it.
fn morning() -> Vec<Value> {
    let deployment = |verb| deployment(verb, "d-1", "payments");
    vec![
        at(deployment("started"), "2026-02-25T10:00:00Z"),
        at(deployment("succeeded"), "2026-02-25T10:05:00Z"),
        at(incident("opened"), "2026-02-25T10:10:00Z"),
    ]
}

#[tokio::test]
async fn what_touches_a_window_is_marked_in_it() {
    let server = Server::start().await;
    let another = deployment("started", "d-2", "orders");
    let mut events = morning();
    events.extend([
        at(another, "2026-02-25T13:00:00Z"),
        at(incident("resolved"), "2026-02-25T10:40:30Z"),
    ]);
    server.stored(&events.into()).await;
    let titles = async |query: &str| -> Vec<String> {
        let answer = server.ask(&format!("/v1/annotations?{query}")).await;
        let marks = answer["data"].as_array().unwrap().iter();
        marks
            .map(|mark| mark["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let deployed = "payments 1.2.3 in production: succeeded";
    let failed = "Card payments fail";
    let begun = "orders 1.2.3 in production: started";
    // 10:00 to 14:00, as a dashboard writes it.
    let hours = "from=1772013600000&to=1772028000000";
    assert_eq!(titles(hours).await, [deployed, failed, begun]);
    assert_eq!(
        titles("from=2026-02-25T10:04:00Z&to=2026-02-25T10:06:00Z").await,
        [deployed]
    );
    assert_eq!(
        titles("from=2026-02-25T10:20:00Z&to=2026-02-25T10:30:00Z").await,
        [failed]
    );
    // A deployment of which nothing was heard since is no news; an incident that goes on is.
    let later = "from=2026-02-25T13:30:00Z&to=2026-02-25T14:00:00Z";
    assert_eq!(titles(later).await, [""; 0]);
    let mut open = incident("opened");
    (open["id"], open["data"]["incident_id"]) = ("i-2".into(), "i-2".into());
    server.stored(&at(open, "2026-02-25T13:10:00Z")).await;
    let answer = server.ask(&format!("/v1/annotations?{later}")).await;
    assert_eq!(answer["data"][0]["title"], failed);
    assert_eq!(answer["data"][0]["timeEnd"], 1_772_028_000_000_i64);
    assert_eq!(
        titles(&format!("{hours}&kind=incident")).await,
        [failed, failed]
    );
    assert_eq!(titles(&format!("{hours}&service=orders")).await, [begun]);

    let answer = server
        .ask(&format!(
            "/v1/annotations?{hours}&kind=deployment&service=payments"
        ))
        .await;
    assert_eq!(
        answer["data"],
        json!([{
            "time": 1_772_013_600_000_i64,
            "timeEnd": 1_772_013_900_000_i64,
            "title": deployed,
            "text": "Deployment d-1",
            "tags": ["deployment", "succeeded", "payments", "production"],
        }])
    );
    assert_eq!(answer["coverage"]["complete"], true);
}

#[tokio::test]
async fn a_window_that_makes_no_sense_is_refused_by_the_names_it_has_here() {
    let server = Server::start().await;
    for (query, field) in [
        ("from=1h&to=2h", "to"),
        ("from=yesterday", "from"),
        ("to=9999999999999999", "to"),
        ("kind=tests", "kind"),
        ("since=1h", "since"),
    ] {
        let reply = Reply::of(server.get(&format!("/v1/annotations?{query}"))).await;
        reply.is_problem(400, "invalid_input");
        assert_eq!(
            reply.body["errors"][0]["field"], field,
            "{query}: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn the_sample_for_grafana_reads_what_is_answered() {
    let sample = include_str!("../../../../deploy/grafana/annotations.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let server = Server::start().await;
    server.stored(&morning().into()).await;
    let target = &sample["target"];
    // As Grafana fills it in.
    let url = target["url"].as_str().unwrap();
    let url = url.replace("${__from}", "1772013600000");
    let url = url.replace("${__to}", "1772028000000");
    let answer = server.ask(&url).await;
    let root = target["root_selector"].as_str().unwrap();
    let marks = answer[root].as_array().unwrap();
    assert_eq!(marks.len(), 2, "{answer}");
    let columns = target["columns"].as_array().unwrap();
    for mark in marks {
        for column in columns {
            let value = &mark[column["selector"].as_str().unwrap()];
            let fits = match column["type"].as_str().unwrap() {
                "timestamp_epoch" => value.is_i64(),
                // A list of texts is shown as one.
                "string" => value.is_string() || value.is_array(),
                other => panic!("a column of type {other}"),
            };
            assert!(fits, "{column}: {value}");
        }
    }
    // Grafana's fields are filled from columns that there are.
    let mappings = sample["mappings"].as_object().unwrap();
    for (field, mapping) in mappings {
        let named = columns
            .iter()
            .any(|column| column["text"] == mapping["value"]);
        assert!(named, "{field}: {mapping}");
    }
    assert_eq!(mappings.len(), columns.len());
}
