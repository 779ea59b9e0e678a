//! TLS for calls to the outside: rustls over ring, and the roots that the system or a file believes.

use std::path::Path;
use std::sync::Arc;

use pts_ports::OutboundError;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Without any roots, no server is believed and calls without TLS still work.
pub(crate) fn connector(roots: Option<&Path>) -> Result<TlsConnector, OutboundError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(file) => from_file(&mut store, file)?,
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Invalid(format!("TLS cannot be used: {error}")))?;
    let config = config.with_root_certificates(store).with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn from_file(store: &mut RootCertStore, file: &Path) -> Result<(), OutboundError> {
    let unusable = |why: &dyn std::fmt::Display| {
        let file = file.display();
        OutboundError::Invalid(format!("{file} holds no usable certificates: {why}"))
    };
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        store.add(certificate).map_err(|error| unusable(&error))?;
    }
    if store.is_empty() {
        return Err(unusable(&"there are none in it"));
    }
    Ok(())
}
