//! A small filesystem of its own, that can be full without anybody else's being so.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::command;

/// What it may grow to while there is room.
const ROOMY_BYTES: u64 = 2 << 30;
/// What is left when it is said to be full.
const LEFT_BYTES: u64 = 64 << 10;

/// A mounted filesystem. It is unmounted when dropped, unless it is to be kept.
pub(super) struct Ground {
    path: PathBuf,
    keep: bool,
}

impl Ground {
    /// Mounts one at a directory that is made for it.
    pub(super) fn mount(path: &Path, keep: bool) -> Result<Self> {
        fs::create_dir_all(path)?;
        let options = format!("size={ROOMY_BYTES},mode=0755");
        command::read(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
                .arg(path),
        )?;
        Ok(Self {
            path: path.to_owned(),
            keep,
        })
    }

    /// Leaves next to no room. No file is written for that: the filesystem becomes as small as what
    /// is on it.
    pub(super) fn fill(&self) -> Result<()> {
        let mut last = Ok(());
        for _ in 0..20 {
            last = self.resize(self.used()? + LEFT_BYTES);
            if last.is_ok() {
                break;
            }
            // It grew in between.
        }
        last
    }

    /// Makes room again.
    pub(super) fn clear(&self) -> Result<()> {
        self.resize(ROOMY_BYTES)
    }

    fn resize(&self, bytes: u64) -> Result<()> {
        let options = format!("remount,size={bytes}");
        command::read(Command::new("mount").args(["-o", &options]).arg(&self.path)).map(drop)
    }

    fn used(&self) -> Result<u64> {
        let said = command::read(
            Command::new("df")
                .args(["--block-size=1", "--output=used"])
                .arg(&self.path),
        )?;
        used_in(&said).with_context(|| format!("df: {said}"))
    }
}

fn used_in(said: &str) -> Option<u64> {
    said.lines().nth(1)?.trim().parse().ok()
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // Who is killed may need a moment to let go; lazily means that it is gone when they are.
        let _ = command::read(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stands_in_the_second_line() {
        assert_eq!(used_in("     Used\n  4096\n"), Some(4096));
        assert_eq!(used_in("df: no such file"), None);
    }
}
