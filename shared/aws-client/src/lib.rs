//! One slim AWS client configuration for every function.
