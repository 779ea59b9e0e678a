//! The ceiling of single events over HTTP: the same framework as the server's, two workers, and an
//! endpoint that parses the JSON and answers 201. What the server adds is seen against this.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde_json::Value;

/// As many as the machine of the measurements has cores.
const WORKERS: usize = 2;

async fn parse(body: web::Bytes) -> HttpResponse {
    match serde_json::from_slice::<Value>(&body) {
        Ok(event) if event.is_object() => HttpResponse::Created()
            .content_type("application/json")
            .body(r#"{"id":"00000000-0000-0000-0000-000000000000","duplicate":false}"#),
        _ => HttpResponse::BadRequest().finish(),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = || App::new().route("/v1/events", web::post().to(parse));
    HttpServer::new(app)
        .workers(WORKERS)
        .listen(listener)?
        .run()
        .await
        .context("the server failed")
}
