//! Whether a new value works, said by a command of the user's.

use std::process::Stdio;

use secrets::{Key, Secret};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::error::SecretsError;

/// Runs a shell's command with the value on its standard input. Its output goes nowhere: it may hold the value.
pub(crate) async fn verify(command: &str, key: &Key, value: &Secret) -> Result<(), SecretsError> {
    let failed = |source| SecretsError::Verify { source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let stdin = child.stdin.take();
    let told = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its input says what it has to say by its end.
            drop(stdin.write_all(value.expose().as_bytes()).await);
        }
        child.wait().await
    };
    let ended = tokio::select! {
        ended = told => ended.map_err(failed)?,
        _ = interrupt.recv() => return Err(SecretsError::Interrupted),
        _ = terminate.recv() => return Err(SecretsError::Interrupted),
    };
    if ended.success() {
        Ok(())
    } else {
        Err(SecretsError::Unverified { key: key.clone(), how: ended.to_string() })
    }
}
