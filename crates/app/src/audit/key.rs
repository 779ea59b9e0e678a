//! The key that checkpoints are signed with: Ed25519, in PEM as OpenSSL has it (PKCS #8), made when
//! there is none.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pts_domain::audit::{PublicKey, SigningKey};
use pts_ports::Entropy as _;

use crate::system::SystemEntropy;

/// What stands before the seed in PKCS #8 (RFC 8410), behind its length: a version, the algorithm's
/// name and two strings that hold each other.
const PRIVATE: [&[u8]; 2] = [
    &[0x02, 0x01, 0x00],
    &[
        0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ],
];
/// What stands before the key in a public one.
const PUBLIC: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Reads the key, and makes it first where there is none.
pub(crate) fn load_or_make(file: &Path) -> Result<SigningKey> {
    if !file.exists() {
        make(file).with_context(|| format!("cannot make the audit's key {}", file.display()))?;
        tracing::info!(file = %file.display(), "made a key that signs the audit");
    }
    load(file)
}

/// Reads the key.
pub(crate) fn load(file: &Path) -> Result<SigningKey> {
    let read = || -> Result<SigningKey> {
        let text = fs::read_to_string(file)?;
        let der = der(&text, "PRIVATE KEY").context("it is no private key in PEM")?;
        let seed = seed(&der).context("it is no Ed25519 key (PKCS #8)")?;
        SigningKey::from_seed(seed).context("it is no Ed25519 key")
    };
    let key = read().with_context(|| format!("the audit's key {}", file.display()))?;
    if fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
        tracing::warn!(file = %file.display(), "others than its owner can read the audit's key");
    }
    Ok(key)
}

/// Writes a new key, unless somebody else does at the same time: then theirs stays.
fn make(file: &Path) -> io::Result<()> {
    let (one, other) = (SystemEntropy.draw(), SystemEntropy.draw());
    let seed: Vec<u8> = one.into_iter().chain(other).take(32).collect();
    let body = [PRIVATE[0], PRIVATE[1], &seed].concat();
    let der = [&[0x30, 0x2e], body.as_slice()].concat();
    let partial = file.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&partial);
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    out.write_all(pem("PRIVATE KEY", &der).as_bytes())?;
    out.sync_all()?;
    let linked = fs::hard_link(&partial, file);
    fs::remove_file(&partial)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A public key as somebody gives it: 64 hex digits, or the name of a file in PEM.
pub(crate) fn public(given: &str) -> Result<PublicKey> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    let text = fs::read_to_string(given)
        .with_context(|| format!("`{given}` is neither 64 hex digits nor a file"))?;
    let der = der(&text, "PUBLIC KEY").unwrap_or_default();
    match der.strip_prefix(PUBLIC).map(<[u8; 32]>::try_from) {
        Some(Ok(key)) => Ok(PublicKey(key)),
        _ => bail!("{given} is no Ed25519 public key in PEM"),
    }
}

fn seed(der: &[u8]) -> Option<&[u8]> {
    let [0x30, _, 0x02, 0x01, 0x00 | 0x01, rest @ ..] = der else {
        return None;
    };
    rest.strip_prefix(PRIVATE[1])?.get(..32)
}

fn pem(what: &str, der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n")
}

fn der(text: &str, what: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {what}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {what}-----"))?;
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit-key.pem");
        let made = load_or_make(&file).unwrap().public();
        assert_eq!(load_or_make(&file).unwrap().public(), made);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        make(&file).unwrap();
        assert_eq!(load(&file).unwrap().public(), made, "the first one stays");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn keys_of_others_are_read() {
        // RFC 8410, section 10: a private key in both versions, and its public half.
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            fs::write(&file, text).unwrap();
            file
        };
        let one = write(
            "one.pem",
            "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             -----END PRIVATE KEY-----\n",
        );
        let two = write(
            "two.pem",
            "-----BEGIN PRIVATE KEY-----\n\
             MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
             Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
             -----END PRIVATE KEY-----\n",
        );
        let half = write(
            "half.pem",
            "-----BEGIN PUBLIC KEY-----\n\
             MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
             -----END PUBLIC KEY-----\n",
        );
        let public_key = public(half.to_str().unwrap()).unwrap();
        assert_eq!(load(&one).unwrap().public(), public_key);
        assert_eq!(load(&two).unwrap().public(), public_key);
        assert_eq!(public(&public_key.to_string()).unwrap(), public_key);
        assert!(load(&half).is_err());
        assert!(public(one.to_str().unwrap()).is_err());
        assert!(public("nowhere").is_err());
    }
}
