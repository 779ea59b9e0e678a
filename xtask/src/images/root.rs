//! A Debian root with PostgreSQL in it: debootstrap, stripped, imported as one image layer.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{engine, mirror};
use crate::command;

/// A Debian release and the PostgreSQL major version it ships.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    pub(super) suite: &'static str,
    pub(super) postgres: u16,
}

/// Run inside the root. The locale is the official image's; what goes is of no use to a server in
/// a container: manuals, translations, package lists, and the JIT compiler (PostgreSQL runs
/// without it, and it is a third of the size). Licence texts stay.
const FINISH: &str = r"
set -eu
localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8
find /usr/share/doc -type f ! -name copyright -delete
rm -rf /usr/share/man /usr/share/info /usr/share/i18n /usr/share/locale \
    /var/cache/apt /var/cache/debconf /var/lib/apt/lists /var/log/* \
    /usr/lib/*/libLLVM* /usr/lib/llvm-* /usr/lib/*/libz3.so* \
    /usr/lib/postgresql/*/lib/bitcode /usr/lib/postgresql/*/lib/llvmjit* \
    /etc/resolv.conf /etc/hostname
mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial
";

impl Release {
    /// The engine's name of this release's root.
    pub(super) fn root_image(self) -> String {
        format!("pts-root:{}", self.suite)
    }

    /// Imports the root unless the engine holds it already (or `fresh` asks for another).
    pub(super) fn ensure_root(self, work: &Path, fresh: bool) -> Result<()> {
        let image = self.root_image();
        if !fresh && engine::has(&image)? {
            eprintln!("{image}: here");
            return Ok(());
        }
        let tree = work.join(self.suite);
        remove(&tree)?;
        self.bootstrap(work, &tree)?;
        engine::import(&tree, &image)?;
        remove(&tree)?;
        eprintln!("{image}: imported");
        Ok(())
    }

    fn bootstrap(self, work: &Path, tree: &Path) -> Result<()> {
        if command::read(Command::new("id").arg("-u"))?.trim() != "0" {
            bail!("building local images needs root (debootstrap makes a system's root directory)");
        }
        let mirror =
            mirror::configured(Path::new("/etc/apt")).unwrap_or_else(|| mirror::PUBLIC.to_owned());
        eprintln!("{}: debootstrap (about a minute)", self.root_image());

        // The package would otherwise make a cluster that nobody uses.
        let settings = tree.join("etc/postgresql-common");
        fs::create_dir_all(&settings)?;
        fs::write(
            settings.join("createcluster.conf"),
            "create_main_cluster = false\n",
        )?;
        let packages = work.join(format!("{}-packages", self.suite));
        fs::create_dir_all(&packages)?;

        // In a mount namespace of its own, what debootstrap mounts goes with it, even when killed.
        let mut debootstrap = Command::new("unshare");
        debootstrap
            .args(["--mount", "--fork", "--kill-child", "debootstrap", "--variant=minbase"])
            .args(["--force-check-gpg", "--merged-usr"])
            .arg(format!("--cache-dir={}", packages.display()))
            .arg(format!("--include=postgresql-{},ca-certificates,netbase,tzdata", self.postgres))
            .arg(self.suite)
            .arg(tree)
            .arg(&mirror)
            // The tree is thrown away when the machine stops in the middle: no flush a file.
            .env("DPKG_FORCE", "unsafe-io")
            .env("DEBIAN_FRONTEND", "noninteractive");
        if let Some(proxy) = apt_proxy() {
            debootstrap.env("http_proxy", proxy);
        }
        engine::logged(&mut debootstrap, &work.join(format!("{}.log", self.suite)))?;
        engine::logged(
            Command::new("chroot")
                .arg(tree)
                .args(["/bin/sh", "-c", FINISH]),
            &work.join(format!("{}-finish.log", self.suite)),
        )
    }
}

/// The proxy apt uses, where the environment names none: debootstrap fetches with wget, not apt.
fn apt_proxy() -> Option<String> {
    if std::env::var_os("http_proxy").is_some() {
        return None;
    }
    let said =
        command::read(Command::new("apt-config").args(["shell", "P", "Acquire::http::Proxy"]));
    let proxy = said
        .ok()?
        .trim()
        .strip_prefix("P=")?
        .trim_matches('\'')
        .to_owned();
    (!proxy.is_empty()).then_some(proxy)
}

/// Removes a tree that an earlier run left, never reaching through a mount into the machine.
fn remove(tree: &Path) -> Result<()> {
    if !tree.exists() {
        return Ok(());
    }
    command::read(
        Command::new("rm")
            .args(["-rf", "--one-file-system", "--"])
            .arg(tree),
    )
    .with_context(|| {
        format!(
            "cannot remove {}: is something mounted there?",
            tree.display()
        )
    })
    .map(|_| ())
}
