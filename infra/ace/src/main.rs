//! ace, the operator's command.

fn main() {}
