//! How a task calls cargo: the same cargo, with the variables of this program's own package
//! taken out. Build scripts that watch `CARGO_PKG_*` (ring does) would otherwise rebuild every
//! time a task and a hand-typed cargo command take turns in one target directory.

use std::process::Command;

/// `cargo`, ready for a subcommand, running in the repository's root.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(crate::repo::root());
    forget_this_package(&mut command);
    command
}

/// Takes out what cargo set to describe this program, from the environment of a child.
pub(crate) fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            command.env_remove(name);
        }
    }
}

fn describes_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|start| name.starts_with(start))
        || matches!(
            name,
            "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_keeps_cargo_settings_and_loses_this_package() {
        for kept in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO",
            "CARGO_NET_OFFLINE",
            "PATH",
        ] {
            assert!(!describes_a_package(kept), "{kept}");
        }
        for lost in [
            "CARGO_PKG_NAME",
            "CARGO_PKG_VERSION_MAJOR",
            "CARGO_MANIFEST_DIR",
            "OUT_DIR",
        ] {
            assert!(describes_a_package(lost), "{lost}");
        }
    }
}
