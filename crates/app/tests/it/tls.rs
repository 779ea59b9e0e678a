//! TLS served by the program itself, and what it refuses to do without.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{Server, data_dir, run, signal};

/// Makes certificate and key anew; tells the certificate.
fn renew(dir: &Path) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
    certificate.der().to_vec()
}

/// Notes the certificate that is presented, whatever it is.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<u8>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shown.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The certificate that a new connection is presented with.
async fn presented(address: &str) -> Vec<u8> {
    let seen = Arc::new(Seen::default());
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.unwrap();
    let seen = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    seen.clone()
}

#[tokio::test]
async fn the_program_serves_tls_and_takes_a_new_certificate_when_it_is_told_to() {
    let dir = data_dir();
    let first = renew(dir.path());
    let config = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(dir.path().join("pts.toml"), config).unwrap();
    let server = Server::start(dir.path(), &["--config", "pts.toml"]).await;
    let address = server.url.strip_prefix("https://").expect("TLS").to_owned();
    assert_eq!(presented(&address).await, first);
    let pid = server.child.id().unwrap();

    std::fs::write(dir.path().join("key.pem"), "nonsense").unwrap();
    signal("HUP", pid);
    let healthy = ["--config", "pts.toml", "--listen", &address, "healthcheck"];
    assert!(run(dir.path(), &healthy).await.status.success());
    assert_eq!(presented(&address).await, first);

    let second = renew(dir.path());
    signal("HUP", pid);
    let becomes = async |_: &Server| presented(&address).await == second;
    server.until("the new certificate is served", becomes).await;
    assert!(server.end("TERM").await.success());
}

#[tokio::test]
async fn what_could_be_listened_in_to_is_refused_unless_it_is_said() {
    let dir = data_dir();
    let elsewhere = ["--listen", "0.0.0.0:0", "serve"];
    let refused = run(dir.path(), &elsewhere).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    for word in ["0.0.0.0:0", "tls.cert", "proxy.trusted", "insecure_listen"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    let checked = run(dir.path(), &["--listen", "0.0.0.0:0", "config", "check"]).await;
    assert!(!checked.status.success());
    std::fs::write(dir.path().join("pts.toml"), "insecure_listen = true\n").unwrap();
    let checked = run(dir.path(), &["--listen", "0.0.0.0:0", "config", "check"]).await;
    assert!(checked.status.success());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_said_before_anything_is_begun() {
    let dir = data_dir();
    renew(dir.path());
    std::fs::write(dir.path().join("cert.pem"), "nonsense").unwrap();
    let config = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(dir.path().join("pts.toml"), config).unwrap();
    let refused = run(dir.path(), &["--listen", "127.0.0.1:0"]).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("cert.pem holds no usable certificate"),
        "{said}"
    );
    assert!(!dir.path().join("postgres").exists());
}
