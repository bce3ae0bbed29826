//! Load, decide, commit, execute: the use case of each function over ports.
