//! Lambda function promote-step.

fn main() {}
