//! What the suite needs of the machine: programs, a library, ports.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Result, bail};

/// The library that lets a program see another time, if it is installed.
pub(super) fn faketime() -> Option<PathBuf> {
    let machine = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = machine.map(|entry| entry.path()).collect();
    places.push("/usr/lib64".into());
    places.push("/usr/lib".into());
    let library = |place: PathBuf| place.join("faketime/libfaketimeMT.so.1");
    places.into_iter().map(library).find(|path| path.is_file())
}

/// Where PostgreSQL's programs are: the newest of Debian's packages, else in the search path.
pub(super) fn programs() -> Option<PathBuf> {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<(u32, PathBuf)> = packaged
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let search = std::env::var_os("PATH").unwrap_or_default();
    let places = versions.into_iter().map(|(_, path)| path);
    places.chain(std::env::split_paths(&search)).find(|place| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|name| place.join(name).is_file())
    })
}

/// A port that is free and that the system gives to nobody who asks for any: a server that starts
/// again must find it free again.
pub(super) fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..2_000 {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(101).wrapping_add(count) % 12_000;
        let port = 20_000 + u16::try_from(offset)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port from 20000 to 32000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_outside_of_what_the_system_hands_out_and_not_given_twice() {
        let (one, two) = (free_port().expect("a port"), free_port().expect("a port"));
        assert_ne!(one, two);
        for port in [one, two] {
            assert!((20_000..32_000).contains(&port), "{port}");
        }
    }
}
