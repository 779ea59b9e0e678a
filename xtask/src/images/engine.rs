//! The container engine, asked through its command line: it is there wherever the engine is.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::command;

/// How long an engine that works takes at most to answer a question.
const PATIENCE: Duration = Duration::from_secs(20);

fn docker() -> Command {
    Command::new("docker")
}

/// Fails, saying what to do, where no engine answers.
pub(crate) fn answers() -> Result<()> {
    command::read_within(
        docker().args(["version", "--format", "{{.Server.Version}}"]),
        PATIENCE,
    )
    .map(|_| ())
    .context("no container engine answers: install docker and start dockerd, then try again")
}

/// True where the engine holds the image.
pub(crate) fn has(image: &str) -> Result<bool> {
    let reference = format!("reference={image}");
    let ids = command::read_within(
        docker().args(["image", "ls", "--quiet", "--filter", &reference]),
        PATIENCE,
    )?;
    Ok(!ids.trim().is_empty())
}

/// Pulls the image, or gives up after `deadline`.
pub(crate) fn pull(image: &str, deadline: Duration) -> Result<()> {
    command::read_within(docker().args(["pull", "--quiet", image]), deadline).map(|_| ())
}

/// Builds `image` from `recipe` in the directory `context`; the engine's cache makes a repeat quick.
pub(crate) fn build(
    image: &str,
    context: &Path,
    recipe: &str,
    arguments: &[String],
    logs: &Path,
) -> Result<()> {
    eprintln!("{image}: building from {recipe}");
    let mut build = docker();
    build
        .args(["build", "--tag", image, "--file"])
        .arg(context.join(recipe));
    for argument in arguments {
        build.args(["--build-arg", argument]);
    }
    logged(
        build.arg(context),
        &logs.join(format!("{}.log", image.replace(':', "-"))),
    )
}

/// Makes an image of a directory tree. A tree that was not read whole leaves no image.
pub(crate) fn import(tree: &Path, image: &str) -> Result<()> {
    let mut tar = Command::new("tar")
        .args([
            "--create",
            "--numeric-owner",
            "--one-file-system",
            "--directory",
        ])
        .arg(tree)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start tar")?;
    let mut import = docker();
    import.args(["import", "-", image]).stdout(Stdio::null());
    if let Some(stream) = tar.stdout.take() {
        import.stdin(stream);
    }
    let imported = import.status().context("cannot start docker import")?;
    let packed = tar.wait()?;
    if imported.success() && packed.success() {
        return Ok(());
    }
    if imported.success() {
        command::read(docker().args(["image", "rm", image]))?;
    }
    bail!("importing {image} failed (tar: {packed}, docker import: {imported})")
}

/// Runs a talkative command with its output in `log`; a failure carries the last of it.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let file = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot start {program}: is it installed?"))?;
    if !status.success() {
        let said = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n  ");
        bail!(
            "{program} failed ({status}); the whole log is {}:\n  {last}",
            log.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_shows_the_end_of_its_log_and_where_the_rest_is() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("it.log");
        let error = logged(
            Command::new("sh").args(["-c", "seq 100; echo why >&2; exit 4"]),
            &log,
        )
        .expect_err("exit 4");
        let text = error.to_string();
        assert!(
            text.contains("it.log") && text.ends_with("100\n  why"),
            "{text}"
        );
        assert!(!text.contains("\n  80\n"), "only the end is shown: {text}");
    }
}
