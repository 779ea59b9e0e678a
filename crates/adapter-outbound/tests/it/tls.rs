//! `https`: a server is believed with a certificate for the name that was called, and no other.

use std::sync::Arc;
use std::time::Duration;

use pts_adapter_outbound::{HttpOutbound, OutboundSettings};
use pts_ports::{Outbound as _, OutboundError};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Asked, OK, Scripted, serve};

#[tokio::test]
async fn a_server_is_believed_by_its_certificate_alone() {
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, acceptor) = (Asked::default(), TlsAcceptor::from(Arc::new(config)));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(connection).await {
                serve(stream, &kept, OK).await;
            }
        }
    });

    let roots = std::env::temp_dir().join(format!("pts-outbound-roots-{}.pem", std::process::id()));
    std::fs::write(&roots, made.cert.pem()).unwrap();
    let resolver = Scripted::new(&[("a.test", &[&["127.0.0.1"]]), ("b.test", &[&["127.0.0.1"]])]);
    let client = |roots| {
        let settings = OutboundSettings {
            allow: vec!["127.0.0.1".parse().unwrap()],
            deadline: Duration::from_secs(20),
            roots,
            ..OutboundSettings::default()
        };
        HttpOutbound::with_resolver(settings, resolver.clone()).unwrap()
    };
    let (believing, doubting) = (client(Some(roots.clone())), client(None));
    std::fs::remove_file(&roots).unwrap();
    let call = async |client: &HttpOutbound, host: &str| {
        client
            .post(
                &format!("https://{host}:{port}/"),
                "text/plain",
                b"x".to_vec(),
            )
            .await
    };
    assert_eq!(call(&believing, "a.test").await, Ok(200));
    for (client, host) in [(&believing, "b.test"), (&doubting, "a.test")] {
        let outcome = call(client, host).await;
        assert!(
            matches!(outcome, Err(OutboundError::Failed(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
}
