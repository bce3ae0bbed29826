mod approvals;
mod cache;
#[cfg(feature = "aws")]
mod canary;
mod channels;
#[cfg(feature = "aws")]
mod manager;
mod rotation;
mod values;
mod world;
