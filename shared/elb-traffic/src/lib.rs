//! Traffic weights and targets on ALB rules and target groups.
