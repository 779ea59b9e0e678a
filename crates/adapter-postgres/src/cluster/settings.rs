//! The server's settings: a small box's worth, with the caller's on top.

use std::path::Path;

use super::error::ClusterError;

/// What makes the cluster private and lets us find it again. Not for the caller to change.
const RESERVED: &[&str] = &[
    "cluster_name",
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "listen_addresses",
    "log_destination",
    "log_line_prefix",
    "logging_collector",
    "port",
    "unix_socket_directories",
    "unix_socket_permissions",
];

const DEFAULTS: &[(&str, &str)] = &[
    ("checkpoint_completion_target", "0.9"),
    // Bounds both the disk the log takes and the recovery after a kill.
    ("checkpoint_timeout", "10min"),
    ("max_wal_size", "1GB"),
    ("min_wal_size", "128MB"),
    ("wal_compression", "on"),
    ("shared_buffers", "128MB"),
    ("effective_cache_size", "512MB"),
    ("maintenance_work_mem", "64MB"),
    ("work_mem", "8MB"),
    ("max_connections", "60"),
    ("random_page_cost", "1.1"),
    // Compiling queries costs more than ours take, and needs a library that may be missing.
    ("jit", "off"),
    ("lc_messages", "C"),
    // The one zone that needs no zone files on the machine. It is UTC.
    ("timezone", "GMT"),
    ("log_timezone", "GMT"),
];

/// Refuses settings that cannot be passed on, before anything is touched.
pub(super) fn check(own: &[(String, String)]) -> Result<(), ClusterError> {
    for (name, value) in own {
        let refuse = |reason| {
            Err(ClusterError::Setting {
                name: name.clone(),
                reason,
            })
        };
        let mut letters = name.bytes();
        if !letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            || !letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
        {
            return refuse("a name is letters, digits, `_` and `.`");
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return refuse("PTS sets it itself, it is what keeps the cluster private");
        }
        if value.contains('\0') {
            return refuse("its value has a NUL");
        }
    }
    Ok(())
}

/// All settings in the order in which the server takes them: a later one wins.
pub(super) fn all(sockets: &Path, tag: &str, own: &[(String, String)]) -> Vec<String> {
    let defaults = DEFAULTS
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let own = own.iter().map(|(name, value)| format!("{name}={value}"));
    let fixed = [
        "listen_addresses=".to_owned(),
        format!("port={}", super::ground::PORT),
        format!("unix_socket_directories={}", sockets.display()),
        "unix_socket_permissions=0700".to_owned(),
        // Shown in the title of each of its processes: how an orphan is recognised.
        format!("cluster_name={tag}"),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
        "log_line_prefix=".to_owned(),
    ];
    defaults.chain(own).chain(fixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn the_callers_settings_come_after_the_defaults() {
        let all = all(Path::new("/run/x"), "pts-1", &one("max_connections", "9"));
        let place = |line: &str| all.iter().position(|have| have == line).unwrap();
        assert!(place("max_connections=60") < place("max_connections=9"));
    }

    #[test]
    fn what_keeps_the_cluster_private_cannot_be_changed() {
        for name in [
            "listen_addresses",
            "PORT",
            "unix_socket_directories",
            "cluster_name",
        ] {
            let refused = check(&one(name, "*")).unwrap_err();
            assert!(
                matches!(refused, ClusterError::Setting { .. }),
                "{name}: {refused}"
            );
        }
        check(&one("fsync", "off")).unwrap();
        check(&one("pg_stat_statements.max", "100")).unwrap();
    }

    #[test]
    fn names_and_values_that_cannot_be_passed_on_are_refused() {
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a=b", "x"),
            ("-c", "x"),
            ("a", "x\0y"),
        ] {
            assert!(check(&one(name, value)).is_err(), "{name:?}={value:?}");
        }
    }
}
