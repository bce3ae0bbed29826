use async_trait::async_trait;
use engine::outcome::Outcome;
use engine::ports::{Notifier, PortResult};
use futures_util::future::join;

/// Tells two of those who want to know, at the same time. Neither keeps the other from being told.
///
/// A failure of either is the answer, that of the first if both fail: the outcome is then published again to both, and
/// who had it already knows it by [`Outcome::id`].
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(pub A, pub B);

#[async_trait]
impl<A: Notifier, B: Notifier> Notifier for Both<A, B> {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        let (first, second) = join(self.0.publish(outcome), self.1.publish(outcome)).await;
        first.and(second)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use engine::ports::PortError;

    use super::*;
    use crate::tests::outcome;

    /// Answers so, and keeps what it was told.
    struct Ear {
        answer: PortResult<()>,
        heard: Mutex<Vec<Outcome>>,
    }

    impl Ear {
        fn new(answer: PortResult<()>) -> Self {
            Self { answer, heard: Mutex::default() }
        }
    }

    #[async_trait]
    impl Notifier for Ear {
        async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
            self.heard.lock().unwrap().push(outcome.clone());
            self.answer.clone()
        }
    }

    fn down(service: &'static str) -> PortResult<()> {
        Err(PortError::Transient { service, detail: "is down".to_owned() })
    }

    #[tokio::test]
    async fn both_are_told_whatever_the_other_says_and_the_first_failure_is_the_answer() {
        for (first, second, expected) in [
            (Ok(()), Ok(()), Ok(())),
            (down("SNS"), Ok(()), down("SNS")),
            (Ok(()), down("EventBridge"), down("EventBridge")),
            (down("SNS"), down("EventBridge"), down("SNS")),
        ] {
            let both = Both(Ear::new(first), Ear::new(second));
            assert_eq!(both.publish(&outcome()).await, expected);
            for ear in [&both.0, &both.1] {
                assert_eq!(*ear.heard.lock().unwrap(), [outcome()]);
            }
        }
    }
}
