//! The feature flags of an environment, `features` of its configuration, where its services can read them: one JSON
//! document, written only when it differs.
//!
//! ```json
//! { "version": 7, "digest": "9f86d0…", "flags": { "debug_mode": false, "performance_testing": true } }
//! ```
//!
//! - On AWS it is the parameter `/ace-flow/<environment>/features` of SSM Parameter Store (`ParameterStore`, feature
//!   `aws`, on by default); beside the embedded stack's store the file `<environment>.features.json` ([`FileShelf`]).
//! - `version` is the parameter's own version, so that who reads both sees that they belong together; `digest` is the
//!   SHA-256 of the flags as JSON without spaces, keys sorted, in lower-case hex.
//! - [`publish`] is what `ace implement` and `ace features --publish` call.
//!
//! # Why Parameter Store and not `AppConfig`
//!
//! | | Parameter Store, standard tier | `AppConfig` |
//! |---|---|---|
//! | price | no additional charge for the parameter, nor for reads at standard throughput | charged by request and by configuration received |
//! | limits | 4 KB a parameter (some hundred flags), 10,000 parameters an account and region; reads and writes share a rate that can be raised, and is charged then | larger documents |
//! | to change a flag | one call, `PutParameter` | a hosted version, then a deployment with a strategy, for an application, a profile and an environment that have to be there |
//! | to read | `GetParameter` in every SDK, the Lambda extension, a dynamic reference in `CloudFormation` | a session of `appconfigdata`: a token that is good for one call, and the next one after each poll |
//! | condition on a write | none but "must not exist" | the latest version's number |
//!
//! (Systems Manager User Guide, "Managing parameter tiers" and "Changing Parameter Store throughput"; `AppConfig` API
//! Reference, `CreateHostedConfigurationVersion`; `AppConfig` Data API Reference; Systems Manager pricing.)
//!
//! What `AppConfig` adds is the gradual deployment of a flag with a rollback by alarms, and ACE-Flow does that for the
//! version of a service that reads it. An environment's flags are a few dozen booleans that change with a deployment:
//! the free one is enough, and what is too large is refused with its size ([`FlagsError::TooLarge`]).
//!
//! Parameter Store cannot refuse a write that comes after somebody else's. [`publish`] sees it afterwards, in the version
//! that its write got, and writes once more, so that of two who publish at once one is last as a whole, and the document
//! never has another version than the parameter.

mod document;
mod file;
#[cfg(feature = "aws")]
mod parameter_store;
mod publish;

#[cfg(test)]
mod tests;

pub use document::{Change, Document, Flags, MAX_BYTES, NotOurs, Step, next};
pub use file::FileShelf;
#[cfg(feature = "aws")]
pub use parameter_store::ParameterStore;
pub use publish::{FlagsError, Published, Shelf, Stored, Written, parameter, publish};
