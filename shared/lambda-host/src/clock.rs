use async_trait::async_trait;
use engine::ports::Clock;
use jiff::Timestamp;
use rollout::Seconds;

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn pause(&self, span: Seconds) {
        tokio::time::sleep(std::time::Duration::from_secs(span.0.into())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_as_long_as_it_was_asked_to_be() {
        let began = tokio::time::Instant::now();
        SystemClock.pause(Seconds(35)).await;
        assert_eq!(began.elapsed().as_secs(), 35);
    }
}
