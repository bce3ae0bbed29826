//! What a person may type while a rollout runs.

use std::str::FromStr;

use rollout::{Order, StepIndex};
use tokio::sync::mpsc;

/// A typed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) wish: Wish,
    pub(crate) why: String,
}

/// What is typed: of the step that is on the screen, where a step matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Hold,
    Resume,
    Advance,
    Approve,
    /// A rollback.
    Abort,
}

impl Wish {
    /// The order to a rollout that is at this step; `None` where there is no step to advance or approve, or no order.
    pub(crate) fn order(self, at: Option<StepIndex>) -> Option<Order> {
        match self {
            Self::Hold => Some(Order::Hold),
            Self::Resume => Some(Order::Resume),
            Self::Advance => at.map(|step| Order::Advance { step }),
            Self::Approve => at.map(|step| Order::Approve { step }),
            Self::Abort => None,
        }
    }
}

/// A line that is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no order: type hold, resume, advance, approve or abort, and why")]
pub(crate) struct NotAnOrder(String);

impl FromStr for Typed {
    type Err = NotAnOrder;

    fn from_str(line: &str) -> Result<Self, NotAnOrder> {
        let (word, why) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let wish = match word {
            "hold" => Wish::Hold,
            "resume" => Wish::Resume,
            "advance" => Wish::Advance,
            "approve" => Wish::Approve,
            "abort" => Wish::Abort,
            other => return Err(NotAnOrder(other.to_owned())),
        };
        let why = if why.trim().is_empty() { "no reason given" } else { why.trim() };
        Ok(Self { wish, why: why.to_owned() })
    }
}

/// The lines of standard input.
pub(crate) struct Orders(mpsc::UnboundedReceiver<String>);

impl Orders {
    /// Reads on a thread of its own, which ends with the process: a read that waits for a line cannot be taken back.
    pub(crate) fn new() -> Self {
        let (typed, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let lines = std::io::stdin().lines().map_while(Result::ok);
            for line in lines.filter(|line| !line.trim().is_empty()) {
                if typed.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// The next line; never returns once the input has ended.
    pub(crate) async fn next(&mut self) -> Result<Typed, NotAnOrder> {
        match self.0.recv().await {
            Some(line) => line.parse(),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_order_and_why() {
        let typed = |line: &str| line.parse::<Typed>();
        assert_eq!(
            typed("hold  the phone ").unwrap(),
            Typed { wish: Wish::Hold, why: "the phone".to_owned() }
        );
        assert_eq!(typed("approve").unwrap().why, "no reason given");
        assert_eq!(typed("abort now").unwrap().wish, Wish::Abort);
        assert!(
            typed("stop").unwrap_err().to_string().contains("type hold, resume, advance, approve or abort")
        );
    }

    #[test]
    fn what_moves_a_rollout_forward_is_of_its_step() {
        let step = StepIndex(1);
        assert_eq!(Wish::Advance.order(Some(step)), Some(Order::Advance { step }));
        assert_eq!(Wish::Approve.order(Some(step)), Some(Order::Approve { step }));
        assert_eq!((Wish::Advance.order(None), Wish::Approve.order(None)), (None, None));
        assert_eq!(Wish::Hold.order(None), Some(Order::Hold));
    }
}
