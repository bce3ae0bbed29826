mod approvals;
mod cache;
#[cfg(feature = "aws")]
mod canary;
#[cfg(feature = "aws")]
mod manager;
mod rotation;
mod values;
mod world;
