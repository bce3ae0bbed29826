//! Configurations, checked with everything that is known here: the language of titles as well.

use alert_message::template::{Mistake, Part, check};
use environments::tree::{self, Accepted, Chosen, Refused, Sources, Strictness, WrongTitle};

/// Environments, each alone and all together.
pub(crate) fn all(sources: &[Sources], strictness: Strictness) -> Result<Accepted, Refused> {
    tree::check_with(sources, strictness, &titles)
}

/// One environment among others.
pub(crate) fn among(asked: &Sources, others: &[Sources], strictness: Strictness) -> Result<Chosen, Refused> {
    tree::check_among_with(asked, others, strictness, &titles)
}

/// A title has one line, so that which of them is wrong is clear.
fn titles(title: &str) -> Vec<WrongTitle> {
    let wrong = |Mistake { what, remedy, .. }| WrongTitle { what, remedy };
    check(Part::Title, title).into_iter().map(wrong).collect()
}
