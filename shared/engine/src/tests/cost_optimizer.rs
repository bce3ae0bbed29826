//! cost-optimizer over what AWS does with what is asked of it.

mod borough;
mod cases;
mod weather;
