//! What somebody meant who wrote a name that is not known.

/// Whether a name is probably a slip for another one: what is missing is then told as the slip alone.
pub(crate) fn is_slip(name: &str, meant: &str) -> bool {
    name != meant && strsim::osa_distance(name, meant) <= 2
}

/// The remedy for a name that is not known: the nearest known one, or all of them.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|known| (strsim::osa_distance(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(2));
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None if known.is_empty() => "leave it out: nothing can be written here".to_owned(),
        None => format!("leave it out, or write one of {}", known.join(", ")),
    }
}
