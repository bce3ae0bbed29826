//! The canary judge: evidence and policy in, verdict out. Pure.
