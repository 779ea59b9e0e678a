//! TLS for a client: rustls over ring, handed in as a value, so that a host's own choice of a
//! cryptography provider is neither needed nor touched.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::ClientError;

/// The client's side of TLS. Where no `https` is spoken, no roots are read.
pub(crate) fn config(spoken: bool, roots: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut store = RootCertStore::empty();
    match roots {
        _ if !spoken => {}
        Some(file) => from_file(&mut store, file)?,
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(wrong(
                    "the system has no root certificates; name a file of them",
                ));
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS cannot be used: {error}")))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

fn from_file(store: &mut RootCertStore, file: &Path) -> Result<(), ClientError> {
    let unusable = |why: &dyn std::fmt::Display| {
        wrong(format!(
            "{} holds no usable certificates: {why}",
            file.display()
        ))
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

fn wrong(why: impl Into<String>) -> ClientError {
    ClientError::Options(why.into())
}
