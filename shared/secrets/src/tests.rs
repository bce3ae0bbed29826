mod approvals;
mod cache;
mod canary;
mod manager;
mod rotation;
mod values;
mod world;
