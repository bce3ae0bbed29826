use std::fmt;

use serde::Serialize;

/// One of the two target groups behind the proxy, named by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The blue target group.
    Blue,
    /// The green target group.
    Green,
}

impl Arm {
    /// Both arms, blue first.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The colour in lower case, as it stands in the `x-ace-arm` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// The other arm.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PerArm<T> {
    /// Blue's value.
    pub blue: T,
    /// Green's value.
    pub green: T,
}

impl<T> PerArm<T> {
    /// The value of `arm`.
    pub const fn get(&self, arm: Arm) -> &T {
        match arm {
            Arm::Blue => &self.blue,
            Arm::Green => &self.green,
        }
    }

    /// The value of `arm`, to be changed.
    pub const fn get_mut(&mut self, arm: Arm) -> &mut T {
        match arm {
            Arm::Blue => &mut self.blue,
            Arm::Green => &mut self.green,
        }
    }
}
