//! TLS of our own: certificates that change, and services that show theirs.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pts_adapter_http::{HttpSettings, Tls, TlsFiles};
use pts_domain::access::{Scope, ServiceIdentity};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Reply, Server, foreign};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key, as PEM.
fn issued(by: &Authority, names: &[&str], year: i32) -> (String, String) {
    let name = |name: &&str| {
        if name.contains("://") {
            return SanType::URI((*name).try_into().unwrap());
        }
        match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        }
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.iter().map(name).collect();
    params.not_after = date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Served {
    server: Server,
    tls: Arc<Tls>,
    dir: TempDir,
    authority: Authority,
    clients: Authority,
}

fn write(dir: &Path, (cert, key): &(String, String)) {
    std::fs::write(dir.join("cert.pem"), cert).unwrap();
    std::fs::write(dir.join("key.pem"), key).unwrap();
}

async fn served() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let (authority, clients) = (authority("servers"), authority("clients"));
    write(dir.path(), &issued(&authority, &["127.0.0.1"], 2100));
    std::fs::write(dir.path().join("ca.pem"), clients.pem()).unwrap();
    let tls = Tls::open(TlsFiles {
        cert: dir.path().join("cert.pem"),
        key: dir.path().join("key.pem"),
        client_ca: Some(dir.path().join("ca.pem")),
    });
    let tls = Arc::new(tls.unwrap());
    let settings = HttpSettings {
        tls: Some(tls.clone()),
        ..HttpSettings::default()
    };
    let agent = ServiceIdentity {
        name: "agent".into(),
        certificate_names: ["spiffe://acme/agent".to_owned()].into(),
        scopes: [Scope::EventsWrite].into(),
        ..ServiceIdentity::default()
    };
    let reader = ServiceIdentity {
        name: "reader".into(),
        certificate_names: ["reader.acme.example".to_owned()].into(),
        roles: ["viewer".to_owned()].into(),
        workspace: Some("team-a".parse().unwrap()),
        ..ServiceIdentity::default()
    };
    let services = vec![agent, reader];
    let mut server = Server::letting(settings, |gateway| {
        gateway.letting_in(pts_domain::signin::Lifetimes::default(), services)
    })
    .await;
    server.base = server.base.replace("http://", "https://");
    Served {
        server,
        tls,
        dir,
        authority,
        clients,
    }
}

/// Speaks TLS as a program does; each request on a connection of its own unless it is told otherwise.
struct Client(HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    /// Trusts this authority, and shows this certificate if there is one.
    fn new(authority: &Authority, shown: Option<(String, String)>, kept: usize) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        let mut client = HttpClient::builder(TokioExecutor::new());
        Self(client.pool_max_idle_per_host(kept).build(connector))
    }

    async fn send(&self, request: Builder, body: String) -> Result<Reply, String> {
        let request = request.body(Full::from(body)).unwrap();
        let response = self.0.request(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| format!("{error:?}"))?.to_bytes();
        Ok(Reply {
            status,
            headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        })
    }
}

impl Served {
    fn nobody(&self) -> Client {
        Client::new(&self.authority, None, 0)
    }

    fn showing(&self, by: &Authority, names: &[&str], year: i32) -> Client {
        Client::new(&self.authority, Some(issued(by, names, year)), 0)
    }

    fn get(&self, path: &str) -> Builder {
        Request::get(format!("{}{path}", self.server.base))
    }

    fn post(&self, path: &str) -> Builder {
        let request = Request::post(format!("{}{path}", self.server.base));
        request.header("content-type", "application/json")
    }

    async fn asked(&self, client: &Client, path: &str) -> Reply {
        let answer = client.send(self.get(path), String::new()).await;
        answer.unwrap()
    }

    async fn reached(&self, client: &Client) -> Result<u16, String> {
        let answer = client.send(self.get("/healthz"), String::new()).await;
        answer.map(|reply| reply.status)
    }

    async fn is_reached(&self) -> bool {
        self.reached(&self.nobody()).await == Ok(200)
    }
}

#[tokio::test]
async fn over_tls_browsers_are_bound_to_this_host_and_to_tls() {
    let it = served().await;
    let browser = it.nobody();
    let form = Request::post(format!("{}/signin", it.server.base))
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!("token={}", it.server.admin);
    let headers = browser.send(form, body).await.unwrap().headers;
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
    let cookie = headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-pts_session=") && cookie.ends_with("; Secure"));
    let session = cookie.split(';').next().unwrap();
    let send = async |origin: &str| {
        let request = it.post("/v1/events");
        let request = request.header("cookie", session).header("origin", origin);
        let sent = browser.send(request, foreign("e-1").to_string()).await;
        sent.unwrap().status
    };
    assert_eq!(send("https://evil.example").await, 403);
    assert_eq!(send(&it.server.base).await, 201);
    // Plain HTTP is not answered there.
    let plain = it.server.base.replace("https://", "http://");
    assert!(it.server.client.get(plain).send().await.is_err());
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
    let it = served().await;
    assert!(it.is_reached().await);
    assert_eq!(it.tls.refresh(), Ok(false));
    let before = it.tls.expires_at();

    // Between the two steps of a renewal: the certificate is new, the key is not yet.
    let renewed = issued(&it.authority, &["127.0.0.1"], 2101);
    std::fs::write(it.dir.path().join("cert.pem"), &renewed.0).unwrap();
    let refused = it.tls.refresh().unwrap_err().to_string();
    assert!(refused.contains("cannot be used together"), "{refused}");
    assert_eq!(it.tls.refresh(), Ok(false), "told once");
    assert!(it.is_reached().await);
    assert_eq!((it.tls.expires_at(), it.tls.failures()), (before, 1));

    write(it.dir.path(), &renewed);
    assert_eq!(it.tls.refresh(), Ok(true));
    assert!(it.is_reached().await);
    assert!(it.tls.expires_at() > before);
    assert_eq!((it.tls.reloads(), it.tls.failures()), (1, 1));

    for (file, text) in [("key.pem", "nonsense"), ("cert.pem", ""), ("ca.pem", "")] {
        let path = it.dir.path().join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let refused = it.tls.refresh().unwrap_err().to_string();
        assert!(refused.contains(file), "{refused}");
        std::fs::remove_file(&path).unwrap();
        let refused = it.tls.refresh().unwrap_err().to_string();
        assert!(refused.contains("cannot be read"), "{refused}");
        std::fs::write(&path, good).unwrap();
        assert_eq!(it.tls.refresh(), Ok(true));
    }
    // Of another authority, it is served, and whoever does not know it stays away.
    write(
        it.dir.path(),
        &issued(&authority("others"), &["127.0.0.1"], 2100),
    );
    assert_eq!(it.tls.refresh(), Ok(true));
    assert!(!it.is_reached().await);
}

#[tokio::test]
async fn a_service_is_known_by_its_certificate_and_may_what_is_configured() {
    let it = served().await;
    let agent = it.showing(&it.clients, &["spiffe://acme/agent"], 2100);
    let send = async |client: &Client, header: Option<(&str, &str)>| {
        let mut request = it.post("/v1/events");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let sent = client.send(request, foreign("e-1").to_string()).await;
        sent.unwrap()
    };
    assert_eq!(send(&agent, None).await.status, 201);
    it.asked(&agent, "/v1/events")
        .await
        .is_problem(403, "denied");
    // Browsers show certificates unasked.
    let elsewhere = send(&agent, Some(("sec-fetch-site", "cross-site"))).await;
    elsewhere.is_problem(403, "cross_site");
    // A token goes before it.
    let odd = send(&agent, Some(("authorization", "Bearer nonsense"))).await;
    odd.is_problem(401, "token_refused");

    let reader = it.showing(&it.clients, &["Reader.Acme.example"], 2100);
    assert_eq!(it.asked(&reader, "/v1/events").await.status, 200);
    let stranger = it.showing(&it.clients, &["spiffe://acme/other"], 2100);
    let unknown = it.asked(&stranger, "/v1/events").await;
    unknown.is_problem(401, "token_refused");
    let detail = unknown.body["detail"].as_str().unwrap();
    assert!(detail.contains("client certificate"), "{detail}");
    assert_eq!(it.asked(&stranger, "/healthz").await.status, 200);
    let bare = it.asked(&it.nobody(), "/v1/events").await;
    bare.is_problem(401, "token_missing");

    // It is a token like all others: listed and revoked.
    let tokens = it.server.gateway.access().list().await.unwrap();
    let named = tokens.iter().find(|token| token.name == "agent").unwrap();
    assert!(it.server.gateway.access().revoke(named.id).await.unwrap());
    send(&agent, None).await.is_problem(401, "token_refused");
    assert_eq!(it.asked(&reader, "/v1/events").await.status, 200);
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_of_another_time_is_refused() {
    let it = served().await;
    let names = ["spiffe://acme/agent"];
    for odd in [
        it.showing(&authority("others"), &names, 2100),
        it.showing(&it.clients, &names, 2020),
    ] {
        let sent = it.reached(&odd).await;
        assert!(sent.is_err(), "{sent:?}");
    }
    // The authority is taken anew like the certificate.
    let agent = it.showing(&it.clients, &names, 2100);
    assert_eq!(it.asked(&agent, "/healthz").await.status, 200);
    std::fs::write(it.dir.path().join("ca.pem"), authority("new").pem()).unwrap();
    assert_eq!(it.tls.refresh(), Ok(true));
    let sent = it.reached(&agent).await;
    assert!(sent.is_err(), "{sent:?}");
}

#[tokio::test]
async fn a_connection_does_not_outlive_the_certificate_that_it_was_opened_with() {
    let it = served().await;
    let shown = issued(&it.clients, &["spiffe://acme/agent"], 2030);
    let agent = Client::new(&it.authority, Some(shown), 1);
    let validate = async || {
        let sent = agent.send(
            it.post("/v1/events?validate=only"),
            foreign("e-1").to_string(),
        );
        sent.await.unwrap()
    };
    assert_eq!(validate().await.status, 200);
    // By the service's clock; the handshake goes by the machine's.
    it.server.clock.advance(chrono::Duration::days(5 * 365));
    validate().await.is_problem(401, "token_refused");
}
