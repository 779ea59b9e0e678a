//! `pts-server healthcheck`: for containers, whose images hold no other program that could ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::Settings;

pub(crate) async fn run(settings: &Settings) -> Result<ExitCode> {
    let address = reachable(settings.address()?);
    let asking = ask(address, settings.tls.is_on());
    tokio::time::timeout(Duration::from_secs(3), asking)
        .await
        .with_context(|| format!("no answer from {address} within 3 s"))??;
    Ok(ExitCode::SUCCESS)
}

/// A server that listens everywhere is asked on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr, over_tls: bool) -> Result<()> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    if !over_tls {
        return exchange(stream, address).await;
    }
    let name = ServerName::from(address.ip());
    let connector = TlsConnector::from(Arc::new(any_certificate()?));
    let stream = connector.connect(name, stream).await;
    exchange(stream.context("TLS is not spoken")?, address).await
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
) -> Result<()> {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    stream
        .read_exact(&mut start)
        .await
        .context("the answer is cut off")?;
    if &start != b"HTTP/1.1 200" {
        bail!("the server answers {:?}", String::from_utf8_lossy(&start));
    }
    Ok(())
}

/// TLS that takes any certificate. The server is asked on this machine, is told nothing, and is not
/// believed more than that something answers; its certificate is made out to another name.
fn any_certificate() -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = AnyCertificate(provider.signature_verification_algorithms);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be used")?;
    let builder = builder.dangerous();
    Ok(builder
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
