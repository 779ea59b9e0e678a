//! The ID token: what is asked of it before a word of it is believed, and who it says somebody is.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Duration;
use openidconnect::core::{
    CoreGenderClaim, CoreIdTokenVerifier, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm as Alg,
};
use openidconnect::{
    ClaimsVerificationError, ClientId, EmptyAdditionalClaims, IdToken, Nonce, NonceVerifier,
};
use pts_domain::Timestamp;
use pts_domain::signin::Person;
use pts_ports::{Doubt, ProviderError};
use serde_json::{Map, Value};

use crate::discovery::Metadata;
use crate::grant::printable;

/// Signatures by a key pair of the provider's. Not `none`, and not by our shared secret: whoever reads
/// our configuration could then make statements.
const SIGNATURES: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

type Token =
    IdToken<EmptyAdditionalClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, Alg>;

/// What a statement is held against.
pub(crate) struct Expected<'a> {
    pub(crate) client_id: &'a str,
    /// Of the attempt, where there is one.
    pub(crate) nonce: Option<String>,
    pub(crate) now: Timestamp,
    pub(crate) skew: Duration,
}

/// The claims of a person.
pub(crate) type Claims = Map<String, Value>;

/// The claims of an ID token that can be believed.
pub(crate) fn believed(
    token: &str,
    metadata: &Metadata,
    expected: &Expected<'_>,
) -> Result<Claims, ProviderError> {
    let parsed: Token = token.parse().map_err(|_| untrusted(Doubt::Unreadable))?;
    let (now, skew) = (expected.now, expected.skew);
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(expected.client_id.to_owned()),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(SIGNATURES)
    // It is over when it is over by the slowest clock that is tolerated.
    .set_time_fn(move || now - skew)
    .set_issue_time_verifier_fn(move |issued_at| {
        if issued_at <= now + skew {
            Ok(())
        } else {
            Err("it is from the future".to_owned())
        }
    });
    let nonce = SameNonce(expected.nonce.clone().map(Nonce::new));
    let checked = parsed.claims(&verifier, nonce);
    checked.map_err(|error| untrusted(doubt(&error)))?;
    let claims = claims_of(token).ok_or_else(|| untrusted(Doubt::Unreadable))?;
    let starts = claims.get("nbf").and_then(Value::as_i64);
    if starts.is_some_and(|starts| starts > (now + skew).timestamp()) {
        return Err(untrusted(Doubt::Time));
    }
    Ok(claims)
}

/// Where there was an attempt, its nonce and no other; where there was none, whatever the provider put.
struct SameNonce(Option<Nonce>);

impl NonceVerifier for SameNonce {
    fn verify(self, nonce: Option<&Nonce>) -> Result<(), String> {
        match &self.0 {
            Some(expected) => expected.verify(nonce),
            None => Ok(()),
        }
    }
}

pub(crate) const fn untrusted(doubt: Doubt) -> ProviderError {
    ProviderError::Untrusted(doubt)
}

fn doubt(error: &ClaimsVerificationError) -> Doubt {
    use ClaimsVerificationError as E;
    match error {
        E::InvalidAudience(_) => Doubt::Audience,
        E::InvalidIssuer(_) => Doubt::Issuer,
        E::InvalidNonce(_) => Doubt::Nonce,
        E::SignatureVerification(_) => Doubt::Signature,
        // The other one is of ours: `set_issue_time_verifier_fn`.
        E::Expired(_) | E::Other(_) => Doubt::Time,
        _ => Doubt::Unreadable,
    }
}

/// The inside of a token whose signature is over exactly these bytes.
fn claims_of(token: &str) -> Option<Claims> {
    let inside = token.split('.').nth(1)?;
    let inside = BASE64_URL_SAFE_NO_PAD.decode(inside).ok()?;
    serde_json::from_slice(&inside).ok()
}

/// Whom the claims speak of. A second set of claims (from the user info endpoint) fills in what the first
/// does not say, if it speaks of the same person.
pub(crate) fn person(
    issuer: &str,
    mut claims: Claims,
    more: Option<Claims>,
    groups_claim: &str,
) -> Result<Person, ProviderError> {
    let subject = text(&claims, "sub").ok_or_else(|| untrusted(Doubt::Unreadable))?;
    if let Some(more) = more {
        if text(&more, "sub").as_deref() != Some(&subject) {
            return Err(untrusted(Doubt::Subject));
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
    let unproven = claims.get("email_verified") == Some(&Value::Bool(false));
    let email = text(&claims, "email").filter(|_| !unproven);
    let name = text(&claims, "preferred_username")
        .or(email)
        .or_else(|| text(&claims, "name"))
        .unwrap_or_else(|| subject.clone());
    Ok(Person {
        issuer: issuer.to_owned(),
        name: printable(&name),
        groups: groups(&claims, groups_claim).unwrap_or_default(),
        subject,
    })
}

/// The groups, if the claims say anything about them: an array of texts, or a single one.
pub(crate) fn groups(claims: &Claims, path: &str) -> Option<BTreeSet<String>> {
    let found = claims.get(path).or_else(|| {
        let mut steps = path.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    })?;
    let one = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match found {
        Value::Array(many) => Some(many.iter().filter_map(one).collect()),
        single => one(single).map(|group| [group].into()),
    }
}

fn text(claims: &Claims, name: &str) -> Option<String> {
    let found = claims.get(name)?.as_str()?.trim();
    (!found.is_empty()).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn groups_are_read_by_name_or_by_path() {
        let check = |path: &str, expected: Option<&[&str]>| {
            let claims = claims(json!({
                "groups": ["sre", 7, "dev"], "one": "ops", "a.b": ["flat"],
                "realm_access": { "roles": ["admin"] }, "none": [], "odd": { "x": 1 },
            }));
            let expected = expected.map(|all| all.iter().map(|&it| it.to_owned()).collect());
            assert_eq!(groups(&claims, path), expected, "{path}");
        };
        check("groups", Some(&["dev", "sre"]));
        check("one", Some(&["ops"]));
        check("a.b", Some(&["flat"]));
        check("realm_access.roles", Some(&["admin"]));
        check("none", Some(&[]));
        check("odd", None);
        check("missing", None);
        check("groups.roles", None);
    }

    #[test]
    fn a_person_is_called_what_the_provider_vouches_for() {
        let check = |more: Value, expected: &str| {
            let mut all = claims(more);
            all.insert("sub".into(), "u-1".into());
            assert_eq!(person("i", all, None, "g").unwrap().name, expected);
        };
        check(json!({}), "u-1");
        check(json!({ "name": "Ada L." }), "Ada L.");
        check(json!({ "name": "Ada L.", "email": "ada@acme" }), "ada@acme");
        let unproven = json!({ "name": "Ada L.", "email": "boss@acme", "email_verified": false });
        check(unproven, "Ada L.");
        check(json!({ "preferred_username": "ada\nadmin" }), "adaadmin");
    }

    #[test]
    fn a_second_set_of_claims_must_be_of_the_same_person_and_changes_nothing() {
        let first = claims(json!({ "sub": "u-1", "name": "Ada" }));
        let second = |sub: &str| Some(claims(json!({ "sub": sub, "name": "Eve", "g": ["sre"] })));
        let same = person("i", first.clone(), second("u-1"), "g").unwrap();
        assert_eq!((same.name.as_str(), same.groups.len()), ("Ada", 1));
        assert_eq!(same.key(), "i#u-1");
        let other = person("i", first, second("u-2"), "g");
        assert_eq!(other, Err(untrusted(Doubt::Subject)));
    }

    #[test]
    fn claims_without_a_subject_are_of_nobody() {
        let nobody = person("i", claims(json!({ "name": "Ada" })), None, "g");
        assert_eq!(nobody, Err(untrusted(Doubt::Unreadable)));
    }
}
