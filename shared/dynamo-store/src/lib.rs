//! The store port on one DynamoDB table.
