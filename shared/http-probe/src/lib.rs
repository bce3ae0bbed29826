//! Health checks and smoke tests over HTTP.
