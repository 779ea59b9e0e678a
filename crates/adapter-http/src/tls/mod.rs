//! TLS served directly: certificate, key and the authority of client certificates come from files, and
//! are taken anew when the files change. What is broken is not taken: what was good goes on.

mod load;
mod peer;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

pub(crate) use peer::{ClientCertificate, Connection, on_connect};

use load::{Loaded, provider, read};

/// The files that TLS needs, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose client certificates are believed; without it none is asked for.
    pub client_ca: Option<PathBuf>,
}

/// The files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub(crate) String);

/// TLS as it is served now.
pub struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    /// Of the files that were looked at last, taken or not.
    seen: Mutex<[u8; 32]>,
    reloads: AtomicU64,
    failures: AtomicU64,
}

/// What is presented and believed in new connections.
struct Current {
    provider: Arc<CryptoProvider>,
    loaded: RwLock<Loaded>,
    expires_at: AtomicI64,
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = provider();
        let found = read(&files)?;
        let loaded = found.load(&files, &provider)?;
        let current = Current {
            provider,
            expires_at: AtomicI64::new(loaded.expires_at),
            loaded: RwLock::new(loaded),
        };
        Ok(Self {
            seen: Mutex::new(found.digest()),
            files,
            current: Arc::new(current),
            reloads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    /// Takes the files anew if they have changed; connections that are open go on. Reads files: not
    /// for a thread that serves requests.
    ///
    /// # Errors
    /// Which file cannot be used, and why; told once for each change.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = read(&self.files);
        let digest = found.as_ref().map_or([0; 32], load::Found::digest);
        if *seen == digest {
            return Ok(false);
        }
        *seen = digest;
        let taken = found.and_then(|found| found.load(&self.files, &self.current.provider));
        let loaded = taken.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })?;
        let expires_at = loaded.expires_at;
        *self.current.write() = loaded;
        self.current.expires_at.store(expires_at, Ordering::Relaxed);
        self.reloads.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// How often changed files were taken.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// How often changed files could not be taken.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// When the certificate that is presented ends, in seconds since 1970.
    pub fn expires_at(&self) -> i64 {
        self.current.expires_at.load(Ordering::Relaxed)
    }

    pub(crate) fn config(&self) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.current.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(format!("TLS cannot be used: {error}")))?;
        let current = Arc::clone(&self.current);
        let mut config = if self.files.client_ca.is_some() {
            let verifier = Arc::clone(&current);
            let builder = builder.with_client_cert_verifier(verifier);
            builder.with_cert_resolver(current)
        } else {
            builder.with_no_client_auth().with_cert_resolver(current)
        };
        if self.files.client_ca.is_some() {
            // A connection that is taken up again is not asked for its certificate: it would be
            // believed after its authority is not any more.
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Ok(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Current {
    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Loaded> {
        self.loaded.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client may have signed with.
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.read().certificate))
    }
}

impl ClientCertVerifier for Current {
    fn client_auth_mandatory(&self) -> bool {
        // People and most programs have a token or a session instead.
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verifier = self.read().clients.clone();
        let verifier = verifier.ok_or(rustls::Error::NoCertificatesPresented)?;
        verifier.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}
