//! The limiter against model servers that it does not know, in simulated time.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::config::rate_limit::RateLimit;
use crate::models::catalog::Quota;
use crate::models::kit::Kit;
use crate::pacing::limiter::{Admission, Limiter, Used};
use crate::pacing::model_server::{MINUTE, Server, TokensAt, Window};
use crate::pacing::output_estimates::{OutputEstimates, TokenEstimate, Workload};

const HOUR: Duration = Duration::from_secs(3_600);
const MS: fn(u64) -> Duration = Duration::from_millis;

/// Numbers that look random, and are the same in each run.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn up_to(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.unit())
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ask,
    Complete { tokens: u64 },
    Arrive { tokens: u64, output: u64, reserved: u64, sent_at: Duration },
    Respond { tokens: u64, output: u64, reserved: u64, sent_at: Duration, retry_after: Option<Duration> },
}

struct Scenario {
    rate_limit: RateLimit,
    window: Window,
    tokens_at: TokensAt,
    jitter: Duration,
    latency: Duration,
    /// Tokens of input; output is up to twice of `output`.
    input: u64,
    output: u64,
    /// When work begins: the client is idle before.
    idle_until: Duration,
    /// The number of rows; the rest waits.
    rows: u64,
    /// How many are in flight at most.
    concurrency: u64,
    length: Duration,
}

#[derive(Debug, Default)]
struct Report {
    sent: u64,
    accepted: u64,
    rejected: u64,
    tokens: u64,
    ended_at: Duration,
}

/// Runs a client that always has work.
fn simulate(scenario: &Scenario, limits: (u64, u64)) -> Report {
    let mut server = Server::new(scenario.window, scenario.tokens_at, limits);
    let mut limiter = Limiter::new(scenario.rate_limit, scenario.concurrency);
    let mut outputs = OutputEstimates::default();
    let workload =
        Workload { kit: Kit::TextGen, input_tokens: scenario.input, max_tokens: None, max_output_tokens: Some(4_096) };
    let mut random = Random(7);
    let mut events = BinaryHeap::new();
    let mut report = Report::default();
    let mut alarm = None;
    let (mut waiting, mut number) = (scenario.rows, 0_u64);
    let mut push = |events: &mut BinaryHeap<_>, at: Duration, event: Event| {
        number += 1;
        events.push(Reverse((at, number, event)));
    };
    push(&mut events, scenario.idle_until, Event::Ask);
    while let Some(Reverse((now, _, event))) = events.pop() {
        if now > scenario.length {
            break;
        }
        match event {
            Event::Ask => {}
            Event::Complete { tokens } => server.complete(now, tokens),
            Event::Arrive { tokens, output, reserved, sent_at } => {
                let verdict = server.arrive(now, tokens);
                let latency = if verdict.is_ok() { scenario.latency } else { MS(5) };
                if verdict.is_ok() {
                    push(&mut events, now + latency, Event::Complete { tokens });
                }
                let back = now + latency + random.up_to(scenario.jitter);
                push(
                    &mut events,
                    back,
                    Event::Respond { tokens, output, reserved, sent_at, retry_after: verdict.err() },
                );
            }
            Event::Respond { tokens, output, reserved, sent_at, retry_after } => {
                if let Some(asked) = retry_after {
                    report.rejected += 1;
                    waiting += 1;
                    let jitter = (asked.mul_f64(0.1)).min(Duration::from_secs(1)).mul_f64(random.unit());
                    limiter.rate_limited(now, sent_at, Some((asked, asked + jitter)));
                    limiter.ended(|| now, Some(sent_at), reserved, Used::Request);
                } else {
                    report.accepted += 1;
                    report.tokens += tokens;
                    report.ended_at = now;
                    outputs.record(&workload, output);
                    limiter.ended(|| now, Some(sent_at), reserved, Used::Tokens(tokens));
                }
            }
        }
        while waiting > 0 {
            let estimate =
                limiter.token_limit().map_or(TokenEstimate::default(), |limit| outputs.tokens(&workload, limit));
            match limiter.admit(now, estimate) {
                Admission::Now => {
                    waiting -= 1;
                    report.sent += 1;
                    limiter.sent(now);
                    let reserved = estimate.likely;
                    let output = (scenario.output as f64 * 2.0 * random.unit()) as u64;
                    let tokens = scenario.input + output;
                    let arrives = now + random.up_to(scenario.jitter);
                    push(&mut events, arrives, Event::Arrive { tokens, output, reserved, sent_at: now });
                }
                Admission::At(at) => {
                    assert!(at > now, "it would be asked for ever");
                    if alarm.replace(at) != Some(at) {
                        push(&mut events, at, Event::Ask);
                    }
                    break;
                }
                Admission::WhenAnotherEnds => break,
            }
        }
    }
    report
}

const WINDOWS: [Window; 6] =
    [Window::Fixed, Window::Clock(0), Window::Clock(17), Window::Clock(59), Window::Sliding, Window::Bucket];

fn builder() -> Scenario {
    let quota = Quota { requests: Some(120), tokens: Some(100_000), per: MINUTE };
    Scenario {
        rate_limit: RateLimit::Custom(quota),
        window: Window::Fixed,
        tokens_at: TokensAt::Admission,
        jitter: Duration::ZERO,
        latency: MS(1_000),
        input: 245,
        output: 87,
        idle_until: Duration::ZERO,
        rows: 1_000_000,
        concurrency: 1_000,
        length: HOUR,
    }
}

/// Requests bind: no 429 in an hour, and nearly all of the plan is used.
#[test]
fn configured_limit_of_requests_is_used_and_never_exceeded() {
    let idle = MS(1_234_567);
    for window in WINDOWS {
        for (jitter, latency, idle_until) in [
            (MS(0), MS(100), Duration::ZERO),
            (MS(0), MS(8_000), idle),
            (MS(50), MS(1_000), Duration::ZERO),
            (MS(250), MS(100), idle),
            (MS(250), MS(8_000), Duration::ZERO),
            (MS(250), MS(30_000), Duration::ZERO),
        ] {
            let length = idle_until + HOUR;
            let scenario = Scenario { window, jitter, latency, idle_until, length, ..builder() };
            let report = simulate(&scenario, (120, 100_000));
            let name = format!("{window:?} jitter {jitter:?} latency {latency:?} idle {idle_until:?}: {report:?}");
            assert_eq!(report.rejected, 0, "{name}");
            // What is in flight at the end counts: it was sent in time.
            let share = report.sent as f64 / (120.0 * 60.0);
            assert!(share >= 0.98, "{share}: {name}");
        }
    }
}

/// Tokens bind: no 429, and most of the limit is used although an attempt reserves its estimate until it ends.
#[test]
fn configured_limit_of_tokens_is_used_and_never_exceeded() {
    for window in WINDOWS {
        for tokens_at in [TokensAt::Admission, TokensAt::Completion] {
            for (jitter, latency, least) in [
                (MS(0), MS(100), 0.95),
                (MS(250), MS(1_000), 0.95),
                (MS(100), MS(8_000), 0.84),
                (MS(250), MS(30_000), 0.6),
            ] {
                let scenario = Scenario { window, tokens_at, jitter, latency, input: 1_500, output: 500, ..builder() };
                let report = simulate(&scenario, (120, 100_000));
                let name = format!("{window:?} {tokens_at:?} jitter {jitter:?} latency {latency:?}: {report:?}");
                assert_eq!(report.rejected, 0, "{name}");
                let share = report.tokens as f64 / (100_000.0 * 60.0);
                assert!(share >= least, "{share}: {name}");
            }
        }
    }
}

/// Without an option: after the first burst the client keeps to the limit that it learned.
#[test]
fn learned_limit_loses_little() {
    for (limit, rows) in [(30, 300), (30, 500), (120, 300), (120, 500)] {
        for window in [Window::Fixed, Window::Sliding] {
            for latency in [MS(10), MS(2_000), MS(8_000)] {
                let scenario = Scenario {
                    rate_limit: RateLimit::Auto,
                    window,
                    latency,
                    rows,
                    length: HOUR,
                    jitter: MS(50),
                    ..builder()
                };
                let report = simulate(&scenario, (limit, 10_000_000));
                let name = format!("{limit} per minute, {rows} rows, {window:?}, latency {latency:?}: {report:?}");
                assert_eq!(report.accepted, rows, "{name}");
                // The last window of the plan begins then.
                let ideal = MINUTE * u32::try_from(rows.div_ceil(limit) - 1).unwrap() + latency;
                let ratio = report.ended_at.as_secs_f64() / ideal.as_secs_f64();
                assert!(ratio <= 1.1, "{ratio}: {name}");
                assert!(report.sent as f64 <= rows as f64 + 1.05 * rows as f64, "{name}");
            }
        }
    }
}
