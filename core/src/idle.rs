//! How long a connection that nobody uses is kept.

use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// Below the 60 to 75 s after which common servers drop an idle connection without saying so.
pub(crate) const KEPT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The clock by which the pool looks for connections that have been idle for too long. By itself it looks as seldom as
/// they may live, so that they could live twice as long.
#[derive(Clone)]
pub(crate) struct Looks(TokioTimer);

impl Looks {
    pub(crate) fn often() -> Self {
        Self(TokioTimer::new())
    }
}

impl Timer for Looks {
    fn sleep(&self, length: Duration) -> Pin<Box<dyn Sleep>> {
        self.0.sleep(length.min(LOOK_EVERY))
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(at.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}
