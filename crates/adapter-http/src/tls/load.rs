//! What is in the files: read as a whole, and only taken if all of it fits together.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::peer::ends_at;
use super::{TlsError, TlsFiles};

/// What new connections are served with.
pub(super) struct Loaded {
    pub(super) certificate: Arc<CertifiedKey>,
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
    /// Of the certificate, in seconds since 1970.
    pub(super) expires_at: i64,
}

/// The bytes of the files.
pub(super) struct Found {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// rustls over ring, as a value: nobody's global choice is needed or touched.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(super) fn read(files: &TlsFiles) -> Result<Found, TlsError> {
    let bytes = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| TlsError(format!("{} cannot be read: {error}", path.display())))
    };
    Ok(Found {
        cert: bytes(&files.cert)?,
        key: bytes(&files.key)?,
        client_ca: files.client_ca.as_deref().map(bytes).transpose()?,
    })
}

impl Found {
    /// Tells whether they have changed.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()] {
            digest.update(Sha256::digest(part.map_or(&[][..], Vec::as_slice)));
        }
        digest.finalize().into()
    }

    pub(super) fn load(
        &self,
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Loaded, TlsError> {
        let chain = certificates(&files.cert, &self.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|error| unusable(&files.key, "private key", &error))?;
        let expires_at = chain.first().and_then(|leaf| ends_at(leaf));
        let expires_at =
            expires_at.ok_or_else(|| unusable(&files.cert, "certificate", &"it cannot be read"))?;
        // Fails if the two do not belong together, as between two steps of a renewal.
        let certificate = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            let (cert, key) = (files.cert.display(), files.key.display());
            TlsError(format!("{cert} and {key} cannot be used together: {error}"))
        })?;
        let clients = match (&files.client_ca, &self.client_ca) {
            (Some(file), Some(bytes)) => Some(verifier(file, bytes, provider)?),
            _ => None,
        };
        Ok(Loaded {
            certificate: Arc::new(certificate),
            clients,
            expires_at,
        })
    }
}

fn certificates(file: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found = read.map_err(|error| unusable(file, "certificate", &error))?;
    if found.is_empty() {
        return Err(unusable(file, "certificate", &"there is none in it"));
    }
    Ok(found)
}

fn verifier(
    file: &Path,
    bytes: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, bytes)? {
        let added = roots.add(certificate);
        added.map_err(|error| unusable(file, "certificate", &error))?;
    }
    let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
    let built = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
    let verifier = built.map_err(|error| unusable(file, "authority", &error))?;
    Ok(verifier)
}

fn unusable(file: &Path, what: &str, why: &dyn std::fmt::Display) -> TlsError {
    let file = file.display();
    TlsError(format!("{file} holds no usable {what}: {why}"))
}
