//! Checksums of crates, from `Cargo.lock`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::Table;

/// The checksum of each crate that has one, by name and version.
pub(super) fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    let lock: Table = lock.parse().context("Cargo.lock is no TOML")?;
    let packages = lock.get("package").and_then(|packages| packages.as_array());
    let packages = packages.context("Cargo.lock has no packages")?;
    let checksum = |package: &toml::Value| {
        let text = |key| Some(package.get(key)?.as_str()?.to_owned());
        Some(((text("name")?, text("version")?), text("checksum")?))
    };
    Ok(packages.iter().filter_map(checksum).collect())
}
