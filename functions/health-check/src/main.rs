//! Lambda function health-check.

fn main() {}
