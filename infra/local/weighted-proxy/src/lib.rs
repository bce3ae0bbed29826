//! A weighted HTTP proxy, a sample service with switchable faults, and a load generator.
