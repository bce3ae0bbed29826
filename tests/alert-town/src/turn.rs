use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets whoever else runs have a turn.
#[derive(Debug, Default)]
pub(crate) struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
