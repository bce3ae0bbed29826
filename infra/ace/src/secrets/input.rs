//! Values from people: standard input, and a terminal that does not show what is typed.

use std::io::{self, IsTerminal, Read};

use secrets::{Key, MAX_BYTES, Secret};
use zeroize::Zeroizing;

use super::error::SecretsError;

/// The value on standard input; a terminal is asked for it.
pub(crate) fn value(key: &Key) -> Result<Secret, SecretsError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let terminal = console::Term::stderr();
        let typed = terminal
            .write_str(&format!("value of {key} (not shown): "))
            .and_then(|()| terminal.read_secure_line());
        let typed = Zeroizing::new(typed.map_err(|source| SecretsError::Unreadable { source })?);
        return text(key, typed.as_bytes());
    }
    read(key, stdin.lock())
}

/// The value that a reader gives, without one line end at its end: `echo` and editors add one.
pub(crate) fn read(key: &Key, from: impl Read) -> Result<Secret, SecretsError> {
    // Long enough from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 16));
    let limit = u64::try_from(MAX_BYTES + 3).unwrap_or(u64::MAX);
    from.take(limit).read_to_end(&mut bytes).map_err(|source| SecretsError::Unreadable { source })?;
    text(key, &bytes)
}

fn text(key: &Key, bytes: &[u8]) -> Result<Secret, SecretsError> {
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    if bytes.is_empty() {
        return Err(SecretsError::Empty { key: key.clone() });
    }
    if bytes.len() > MAX_BYTES {
        return Err(SecretsError::TooLong { key: key.clone(), limit: MAX_BYTES });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| SecretsError::NotText { key: key.clone() })?;
    Ok(Secret::new(text.to_owned()))
}
