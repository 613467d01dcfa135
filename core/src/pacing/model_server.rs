//! Servers with a limit per minute that the limiter does not know, for [`simulation`](super::simulation).

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::VecDeque;
use std::time::Duration;

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// How a server counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// A window of a minute begins with the first request after the one before has ended…
    Fixed,
    /// …or always at this second of a minute.
    Clock(u64),
    Sliding,
    /// A bucket that holds the limit, and is filled at its rate.
    Bucket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokensAt {
    Admission,
    Completion,
}

/// A server with a limit of requests and tokens per minute.
pub(super) struct Server {
    window: Window,
    tokens_at: TokensAt,
    requests: u64,
    tokens: u64,
    /// What counts: time, requests, tokens; and the sums.
    log: VecDeque<(Duration, u64, u64)>,
    total: (u64, u64),
    window_began: Option<Duration>,
    /// What a bucket lacks, and when that was true.
    missing: (f64, f64, Duration),
}

impl Server {
    pub(super) fn new(window: Window, tokens_at: TokensAt, (requests, tokens): (u64, u64)) -> Self {
        let missing = (0.0, 0.0, Duration::ZERO);
        Self { window, tokens_at, requests, tokens, log: VecDeque::new(), total: (0, 0), window_began: None, missing }
    }

    /// Admits a request, or says how long to wait.
    pub(super) fn arrive(&mut self, now: Duration, tokens: u64) -> Result<(), Duration> {
        let counted_now = if self.tokens_at == TokensAt::Admission { tokens } else { 0 };
        self.expire(now);
        let (requests, used) = self.counted();
        // At completion, a request is admitted while anything is left.
        let needs = if self.tokens_at == TokensAt::Admission { counted_now } else { 1 };
        if requests + 1 > self.requests || (used + needs > self.tokens && used > 0) {
            let wait = match self.window {
                Window::Bucket => MINUTE / u32::try_from(self.requests).unwrap(),
                Window::Sliding => self.log.front().map_or(MINUTE, |(at, ..)| *at + MINUTE - now),
                Window::Fixed | Window::Clock(_) => self.window_began.unwrap() + MINUTE - now,
            };
            return Err(Duration::from_secs(wait.as_secs() + 1));
        }
        self.window_began.get_or_insert(now);
        self.count(now, 1, counted_now);
        Ok(())
    }

    pub(super) fn complete(&mut self, now: Duration, tokens: u64) {
        if self.tokens_at == TokensAt::Completion {
            self.expire(now);
            self.count(now, 0, tokens);
        }
    }

    fn count(&mut self, now: Duration, requests: u64, tokens: u64) {
        self.log.push_back((now, requests, tokens));
        self.total = (self.total.0 + requests, self.total.1 + tokens);
        self.missing.0 += requests as f64;
        self.missing.1 += tokens as f64;
    }

    fn clear(&mut self) {
        self.log.clear();
        self.total = (0, 0);
    }

    fn counted(&self) -> (u64, u64) {
        match self.window {
            Window::Bucket => {
                ((self.missing.0 - 1e-6).ceil().max(0.0) as u64, (self.missing.1 - 1e-6).ceil().max(0.0) as u64)
            }
            _ => self.total,
        }
    }

    fn expire(&mut self, now: Duration) {
        match self.window {
            Window::Sliding => {
                while let Some((_, requests, tokens)) = self.log.front().copied().filter(|(at, ..)| *at + MINUTE <= now)
                {
                    self.log.pop_front();
                    self.total = (self.total.0 - requests, self.total.1 - tokens);
                }
            }
            Window::Fixed | Window::Clock(_) => {
                if let Window::Clock(second) = self.window {
                    let phase = (now.as_nanos() + MINUTE.as_nanos() - Duration::from_secs(second).as_nanos())
                        % MINUTE.as_nanos();
                    let began = now.saturating_sub(Duration::from_nanos(u64::try_from(phase).unwrap()));
                    if self.window_began.is_some_and(|before| before < began) {
                        self.clear();
                    }
                    self.window_began = Some(began);
                } else if self.window_began.is_some_and(|began| began + MINUTE <= now) {
                    self.clear();
                    self.window_began = None;
                }
            }
            Window::Bucket => {
                self.clear();
                let passed = (now - self.missing.2).as_secs_f64() / 60.0;
                self.missing.0 = (self.missing.0 - passed * self.requests as f64).max(0.0);
                self.missing.1 = (self.missing.1 - passed * self.tokens as f64).max(0.0);
                self.missing.2 = now;
            }
        }
    }
}
