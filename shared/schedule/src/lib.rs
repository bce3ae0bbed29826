//! Windows of time as people write them, and what they say of an instant. Between which instants one lies is exact across
//! every change of its zone's clock, from the time zone database that is built in: a pure crate reads no files.

mod standing;
mod window;
mod zone;

pub use standing::{Standing, standing};
pub use window::{Day, InvalidMoment, InvalidWindow, Moment, Window, WrittenWindow};
pub use zone::{InvalidZone, Zone};

#[cfg(test)]
mod tests;
