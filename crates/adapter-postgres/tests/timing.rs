//! temporary
use std::sync::Arc;
use std::time::Instant;
use pts_adapter_postgres::*;
use pts_adapter_postgres::cluster::*;
use pts_ports::*;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time() {
    let dir = std::path::PathBuf::from("/tmp/pts-timing");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let mut o = ClusterOptions::new(&dir);
    if std::env::var_os("AUTO").is_some() { o.settings = [("session_preload_libraries","auto_explain"),("auto_explain.log_min_duration","4ms"),("auto_explain.log_analyze","on")].map(|(a,b)|(a.to_string(),b.to_string())).into(); }
    let cluster = Cluster::start(o).await.unwrap();
    let report = migrate(cluster.url()).await.unwrap();
    println!("{report:?}");
    let pool = connect(&DatabaseSettings::new(cluster.url())).unwrap();
    let log = PgEventLog::new(pool.clone(), Arc::new(DomainProjector));
    let mut s = Sender::named("s");
    let stat = |name: &str, mut v: Vec<u128>| { v.sort(); println!("{name}: p50 {} us p99 {} us n {}", v[v.len()/2], v[v.len()*99/100], v.len()); };
    for round in 0..std::env::var("ROUNDS").map_or(2, |r| r.parse().unwrap()) {
        let mut v = vec![];
        for n in 0..1000 {
            let e = s.event("com.acme.x", epoch(), json!({"service": format!("s{}", n % 20), "n": n}));
            let t = Instant::now();
            log.append(vec![e]).await.unwrap();
            v.push(t.elapsed().as_micros());
        }
        stat(&format!("{round} foreign single"), v);
        let mut v = vec![];
        for n in 0..500 {
            let id = format!("d{round}-{n}");
            for verb in ["started", "succeeded"] {
                let e = s.deployment(verb, &format!("s{}", n % 20), &id, epoch(), json!({"version": "1"}));
                let t = Instant::now();
                log.append(vec![e]).await.unwrap();
                v.push(t.elapsed().as_micros());
            }
        }
        stat(&format!("{round} deployment single"), v);
        let mut v = vec![];
        for n in 0..10 {
            let batch: Vec<_> = (0..1000).map(|k| s.event("com.acme.x", epoch(), json!({"service": format!("s{}", k % 20), "n": n}))).collect();
            let t = Instant::now();
            log.append(batch).await.unwrap();
            v.push(t.elapsed().as_micros());
        }
        stat(&format!("{round} foreign batch 1000"), v);
        let mut v = vec![];
        for n in 0..10 {
            let batch: Vec<_> = (0..500).flat_map(|k| { let id = format!("b{round}-{n}-{k}"); ["started", "succeeded"].map(|verb| s.deployment(verb, &format!("s{}", k % 20), &id, epoch(), json!({"version": "1"})))}).collect();
            let t = Instant::now();
            log.append(batch).await.unwrap();
            v.push(t.elapsed().as_micros());
        }
        stat(&format!("{round} deployment batch 1000"), v);
    }
    let (client, conn) = tokio_postgres::connect(cluster.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(conn);
    client.batch_execute("SET jit=off; SET random_page_cost=1.1; PREPARE q(text[], text[], timestamptz) AS SELECT e.source, e.event_id, e.id, e.received_at, e.digest FROM unnest($1,$2) AS sought (source, event_id) CROSS JOIN LATERAL (SELECT * FROM platform.events AS e WHERE e.source = sought.source AND e.event_id = sought.event_id AND e.received_at >= $3 LIMIT 1) AS e").await.unwrap();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        client.batch_execute(&format!("SET plan_cache_mode={mode}")).await.unwrap();
        let rows = client.simple_query("EXPLAIN ANALYZE EXECUTE q(array['s','s'], array['s-5','s-99999999'], '2026-12-01')").await.unwrap();
        for r in rows { if let tokio_postgres::SimpleQueryMessage::Row(r) = r { println!("{}", r.get(0).unwrap()); } }
    }
    let m = PgMaintenance::new(pool.clone(), Arc::new(DomainProjector));
    let t = Instant::now(); println!("check {:?} {:?}", m.check().await.unwrap().len(), t.elapsed());
    let t = Instant::now(); println!("rebuild {:?} {:?}", m.rebuild().await.unwrap(), t.elapsed());
    let t = Instant::now(); println!("verify {:?} {:?}", m.verify().await.unwrap(), t.elapsed());
    cluster.stop().await;
}
