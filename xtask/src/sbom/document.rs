//! The document itself: from what cargo resolved to what CycloneDX 1.6 calls components and
//! dependencies.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Everything that is linked into a program: its normal dependencies, and theirs.
pub(super) fn of(
    metadata: &Metadata,
    program: &str,
    linked_in: &BTreeSet<(String, String)>,
    checksums: &BTreeMap<(String, String), String>,
    time: &str,
) -> Result<Value> {
    let packages: BTreeMap<&PackageId, &Package> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package))
        .collect();
    let resolve = metadata.resolve.as_ref().context("nothing was resolved")?;
    let nodes: BTreeMap<&PackageId, &Node> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = packages
        .values()
        .find(|package| package.name.as_str() == program);
    let root = *root.with_context(|| format!("there is no package {program}"))?;

    let mut linked: BTreeMap<String, (&Package, BTreeSet<String>)> = BTreeMap::new();
    let mut waiting = vec![root];
    while let Some(package) = waiting.pop() {
        if linked.contains_key(&reference(package)) {
            continue;
        }
        let node = nodes
            .get(&package.id)
            .context("a package was not resolved")?;
        let needed: Vec<&Package> = node
            .deps
            .iter()
            .filter(|dep| {
                dep.dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
            })
            .filter_map(|dep| packages.get(&dep.pkg).copied())
            .filter(|package| linked_in.contains(&versioned(package)))
            .collect();
        let names = needed.iter().map(|package| reference(package)).collect();
        linked.insert(reference(package), (package, names));
        waiting.extend(needed);
    }

    let dependencies: Vec<_> = linked
        .iter()
        .map(|(name, (_, needed))| json!({"ref": name, "dependsOn": needed}))
        .collect();
    let (_, itself) = (
        linked.remove(&reference(root)),
        component(root, "application", checksums),
    );
    let components: Vec<_> = linked
        .values()
        .map(|(package, _)| component(package, "library", checksums))
        .collect();
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "cargo xtask sbom"}]},
            "component": itself,
        },
        "components": components,
        "dependencies": dependencies,
    });
    document["serialNumber"] = serial_number(&document).into();
    Ok(document)
}

fn component(
    package: &Package,
    kind: &str,
    checksums: &BTreeMap<(String, String), String>,
) -> Value {
    let (name, version) = versioned(package);
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "scope": "required",
        "purl": format!("pkg:cargo/{name}@{version}"),
    });
    if let Some(license) = &package.license {
        component["licenses"] = json!([{"expression": expression(license)}]);
    }
    if let Some(checksum) = checksums.get(&(name, version)) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(text) = &package.description {
        component["description"] = text.trim().into();
    }
    if let Some(address) = package
        .repository
        .as_ref()
        .filter(|text| text.starts_with("https://"))
    {
        component["externalReferences"] = json!([{"type": "vcs", "url": address}]);
    }
    component
}

fn versioned(package: &Package) -> (String, String) {
    (package.name.to_string(), package.version.to_string())
}

fn reference(package: &Package) -> String {
    format!("{}@{}", package.name, package.version)
}

/// An SPDX expression; crates of old wrote `MIT/Apache-2.0`.
fn expression(license: &str) -> String {
    license.replace(" / ", "/").replace('/', " OR ")
}

/// A name for the document that is the same for the same content: a UUID of version 8 out of its digest.
fn serial_number(document: &Value) -> String {
    let digest = Sha256::digest(document.to_string());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let part = |from: usize, to: usize| hex::encode(&bytes[from..to]);
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 16)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::on_disk;
    use cargo_metadata::MetadataCommand;

    fn house() -> Value {
        let house = on_disk(&[
            (
                "program",
                "version = \"1.2.3\"\nlicense = \"MIT/Apache-2.0\"\n[dependencies]\n\
                 linked = { path = \"../linked\" }\nnever = { path = \"../never\" }\n[dev-dependencies]\n\
                 tested-with = { path = \"../tested-with\" }\n[build-dependencies]\n\
                 built-with = { path = \"../built-with\" }\n",
            ),
            (
                "linked",
                "version = \"0.1.0\"\ndescription = \" Words. \"\n[dependencies]\ndeeper = { path = \"../deeper\" }\n",
            ),
            (
                "deeper",
                "version = \"0.2.0\"\nrepository = \"https://example.org/deeper\"\n",
            ),
            ("never", ""),
            ("tested-with", ""),
            ("built-with", ""),
        ]);
        let metadata = MetadataCommand::new()
            .manifest_path(house.path().join("Cargo.toml"))
            .other_options(["--offline".to_owned()])
            .exec()
            .expect("a resolved house");
        let checksums = [(("deeper".to_owned(), "0.2.0".to_owned()), "ab".repeat(32))].into();
        let linked = [("linked", "0.1.0"), ("deeper", "0.2.0")];
        let linked = linked.map(|(name, version)| (name.to_owned(), version.to_owned()));
        of(
            &metadata,
            "program",
            &linked.into(),
            &checksums,
            "2026-03-01T12:00:00Z",
        )
        .expect("a document")
    }

    #[test]
    fn what_is_linked_is_in_it_and_what_only_builds_or_tests_is_not() {
        let document = house();
        let names: Vec<_> = document["components"]
            .as_array()
            .expect("components")
            .iter()
            .map(|component| component["bom-ref"].as_str().expect("a name"))
            .collect();
        assert_eq!(names, ["deeper@0.2.0", "linked@0.1.0"]);
        assert_eq!(
            document["metadata"]["component"]["purl"],
            "pkg:cargo/program@1.2.3"
        );
        let license = &document["metadata"]["component"]["licenses"][0]["expression"];
        assert_eq!(license, "MIT OR Apache-2.0");
        assert_eq!(
            document["components"][0]["hashes"][0]["content"],
            "ab".repeat(32)
        );
        assert_eq!(document["components"][1]["description"], "Words.");
        let needs = document["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter();
        let needs: Vec<_> = needs.map(|one| one["dependsOn"].to_string()).collect();
        assert_eq!(needs, ["[]", "[\"deeper@0.2.0\"]", "[\"linked@0.1.0\"]"]);
    }

    #[test]
    fn the_same_sources_make_the_same_document() {
        let (one, two) = (house(), house());
        assert_eq!(one, two);
        let number = one["serialNumber"].as_str().expect("a number");
        assert!(
            number.len() == 45 && number.starts_with("urn:uuid:"),
            "{number}"
        );
    }
}
