//! What a connection says of the other end, once for all its requests.

use std::any::Any;
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A connection over TLS. There is none of these where there is no TLS.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// The client's certificate, if it showed one; an authority that is believed vouches for it.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// Who a client is, by its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    /// Its URIs and DNS names.
    pub(crate) names: Vec<String>,
    /// When it ends, in seconds since 1970: connections may last longer.
    pub(crate) ends_at: i64,
}

/// Remembers of a new connection what its requests will be asked for.
pub(crate) fn on_connect(stream: &dyn Any, data: &mut Extensions) {
    let Some(stream) = stream.downcast_ref::<TlsStream<TcpStream>>() else {
        return;
    };
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first);
    data.insert(Connection {
        certificate: shown.and_then(|der| read(der)).map(Arc::new),
    });
}

/// When a certificate ends, in seconds since 1970.
pub(super) fn ends_at(der: &CertificateDer<'_>) -> Option<i64> {
    Some(end_of(&Certificate::from_der(der).ok()?))
}

fn end_of(certificate: &Certificate) -> i64 {
    let end = certificate.tbs_certificate.validity.not_after;
    i64::try_from(end.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn read(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let certificate = Certificate::from_der(der).ok()?;
    let names = certificate.tbs_certificate.get::<SubjectAltName>().ok()?;
    let name = |name: GeneralName| match name {
        GeneralName::DnsName(name) | GeneralName::UniformResourceIdentifier(name) => {
            Some(name.to_string())
        }
        _ => None,
    };
    let names = names.map_or_else(Vec::new, |(_, names)| names.0);
    Some(ClientCertificate {
        names: names.into_iter().filter_map(name).collect(),
        ends_at: end_of(&certificate),
    })
}
