//! A value in the user's editor.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use secrets::{Key, Secret};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::error::SecretsError;
use super::input;

/// The value as the editor left it. The file is in a folder of its own that only the user can look into, in memory
/// where the system offers that (`XDG_RUNTIME_DIR`), and both are gone afterwards, whatever happened; with them what
/// the editor put beside the file.
pub(crate) async fn edit(editor: &str, key: &Key, old: Option<&Secret>) -> Result<Secret, SecretsError> {
    if editor.trim().is_empty() {
        return Err(SecretsError::NoEditor);
    }
    let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let base = base.unwrap_or_else(std::env::temp_dir);
    let unusable = |source| SecretsError::Place { place: base.display().to_string(), source };
    let folder = tempfile::Builder::new()
        .prefix("ace-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&base)
        .map_err(unusable)?;
    let file = Wiped(folder.path().join("value"));
    let mut made =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file.0).map_err(unusable)?;
    made.write_all(old.map_or("", Secret::expose).as_bytes()).map_err(unusable)?;
    drop(made);
    if !run(editor, &file.0).await?.success() {
        return Err(SecretsError::Editor);
    }
    let edited = fs::File::open(&file.0).map_err(unusable)?;
    input::read(key, edited)
}

/// Runs the editor as a shell does, for `EDITOR` may have arguments. An interrupt is the editor's; who ends ace ends
/// the editor, and the file goes.
async fn run(editor: &str, file: &Path) -> Result<ExitStatus, SecretsError> {
    let failed = |source| SecretsError::Unreadable { source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut child = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "ace"])
        .arg(file)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(failed),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => return Err(SecretsError::Interrupted),
            _ = hang_up.recv() => return Err(SecretsError::Interrupted),
        }
    }
}

/// A file that is overwritten before its folder is removed.
struct Wiped(PathBuf);

impl Drop for Wiped {
    fn drop(&mut self) {
        let length = fs::metadata(&self.0).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0));
        let overwritten = OpenOptions::new().write(true).open(&self.0);
        // What cannot be overwritten is removed all the same, with the folder.
        drop(
            overwritten.and_then(|mut file| file.write_all(&vec![0; length]).and_then(|()| file.sync_all())),
        );
    }
}
