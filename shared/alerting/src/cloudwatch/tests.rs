mod application;
mod golden;
mod model;
mod reasons;
mod sky;
mod truth;
