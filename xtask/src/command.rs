//! Calling other programs: with an error that names the command, and, for questions to a daemon
//! that may hang, with a deadline.

use std::{
    io::Read,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Runs a command whose output belongs to the reader of the terminal.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a command for its standard output; a failure carries what it said on standard error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    said(&line, &output)
}

/// As [`read`], and gives up (ending the child) after `deadline`.
pub(crate) fn read_within(command: &mut Command, deadline: Duration) -> Result<String> {
    let line = line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    // Pipes are drained beside the wait: a child that fills one would otherwise never end.
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{line}` gave no answer within {} s",
                deadline.as_secs_f32()
            );
        }
        thread::sleep(Duration::from_millis(10));
    };
    let joined = |pipe: thread::JoinHandle<Vec<u8>>| pipe.join().unwrap_or_default();
    said(
        &line,
        &Output {
            status,
            stdout: joined(stdout),
            stderr: joined(stderr),
        },
    )
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What could be read is used; a broken pipe is the end of it.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn said(line: &str, output: &Output) -> Result<String> {
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    if let Some((_, name)) = line.rsplit_once('/') {
        line = name.to_owned();
    }
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = read(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"]))
            .expect_err("exit 3");
        let text = error.to_string();
        assert!(
            text.contains("sh -c") && text.contains("no such thing"),
            "{text}"
        );
    }

    #[test]
    fn an_answer_in_time_is_read_whole() {
        let many = read_within(
            Command::new("sh").args(["-c", "head -c 300000 /dev/zero | tr '\\0' x"]),
            Duration::from_secs(20),
        );
        assert_eq!(many.expect("an answer").len(), 300_000);
    }

    #[test]
    fn a_silent_command_is_given_up() {
        let error = read_within(
            Command::new("tail").args(["-f", "/dev/null"]),
            Duration::ZERO,
        )
        .expect_err("tail -f never ends");
        assert!(error.to_string().contains("no answer"), "{error}");
    }
}
