//! Lambda function rollback.

fn main() {}
