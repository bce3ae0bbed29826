//! Lambda function start-deploy.

fn main() {}
