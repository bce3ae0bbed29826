//! AWS for tests, as far as no emulator has it.
//!
//! [`ElastiCache`] keeps what a cache was created with and describes it by that; a cache that is deleted goes when its last
//! snapshot is made, and comes back from it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is a failed test")]

mod asked;
mod elasticache;

pub use self::asked::{Asked, xml, xml_error};
pub use self::elasticache::ElastiCache;
