//! Approval by a signed link.
//!
//! A [`Claim`] says who may approve which step of which rollout, and until when. A [`Keyring`] signs it into a
//! [`Link`], the text that goes into an address, and reads it back: HMAC-SHA256 over the claim, compared in constant
//! time. The link is the credential: whoever has it can approve in the approver's name, so that [`Link`] and the keys
//! show nothing in `Debug`, and no error holds a part of either.
//!
//! A claim names the very wait for approval that it is for, by the time when that began ([`Claim::since`]). A step that is
//! frozen or held after it was approved bakes anew and waits again, in the same epoch; an approval of the wait before
//! is none of this one. That, and not a number used once, is what lets a link be used once.
//!
//! [`page`] is what a link shows to a person: HTML without scripts, and the headers that go with it.
//!
//! A link is [`Link::MAX_BYTES`] (458) characters long at most, and about 170 with usual names. Pure: no clock, no randomness,
//! no I/O.

mod approver;
mod claim;
mod key;
mod link;
pub mod page;

#[cfg(test)]
mod tests;

pub use approver::{Approver, InvalidApprover};
pub use claim::Claim;
pub use key::{Key, KeyId, Keyring, WeakKey};
pub use link::{Link, LinkError, LinkId};
