//! placeholder until the suite is written in the next step
