//! The judges that are compared.

pub mod ours;
pub mod peers;
pub mod prototype;
pub mod textbook;

use crate::protocol::Judge;

/// All of them; their names are what `--judge` filters by.
pub fn all() -> Vec<Box<dyn Judge>> {
    let mut all: Vec<Box<dyn Judge>> = vec![Box::new(ours::Ours), Box::new(prototype::Prototype)];
    all.extend(peers::all());
    all.extend(textbook::all());
    all
}
