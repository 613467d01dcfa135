//! Tables of the [`Limiter`], for rules that take more than one step.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::time::Duration;

use crate::config::rate_limit::RateLimit;
use crate::models::catalog::Quota;
use crate::pacing::limiter::{Admission, Limiter, Used};
use crate::pacing::output_estimates::TokenEstimate;

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

fn send(limiter: &mut Limiter, now: Duration, count: usize) {
    for _ in 0..count {
        assert_eq!(ask(limiter, now), Admission::Now);
        limiter.sent(now);
    }
}

fn succeed(limiter: &mut Limiter, now: Duration, count: usize) {
    for _ in 0..count {
        limiter.ended(|| now, None, 0, Used::Tokens(1));
    }
}

fn reject(limiter: &mut Limiter, now: Duration, sent_at: Duration, retry_after: Duration, count: usize) {
    for _ in 0..count {
        limiter.rate_limited(now, sent_at, Some((retry_after, retry_after + MS(500))));
        limiter.ended(|| now, None, 0, Used::Request);
    }
}

fn ask(limiter: &mut Limiter, now: Duration) -> Admission {
    limiter.admit(now, TokenEstimate::default())
}

fn limit(limiter: &mut Limiter, now: Duration) -> (Option<&'static str>, Option<u64>, Option<Duration>) {
    let status = limiter.status(now);
    (status.limit_origin, status.limit_requests, status.limit_per)
}

#[test]
fn learns_from_the_first_burst() {
    let mut limiter = Limiter::new(RateLimit::Auto, 1_000);
    send(&mut limiter, S(1), 300);
    succeed(&mut limiter, S(2), 29);
    reject(&mut limiter, S(2), S(1), S(59), 270);
    assert_eq!(limit(&mut limiter, S(2)).0, None, "one attempt is in flight, whose end says more");
    succeed(&mut limiter, S(3), 1);
    assert_eq!(limit(&mut limiter, S(3)), (Some("learned"), Some(30), Some(S(60))));
    assert_eq!(ask(&mut limiter, S(3)), Admission::At(MS(61_500)), "the gate");
    // What was sent before has left the window by then.
    send(&mut limiter, MS(61_500), 30);
    assert_eq!(ask(&mut limiter, MS(61_500)), Admission::At(MS(121_750)), "the limit");
    assert_eq!(
        limiter.reason(S(62)).unwrap(),
        "the rate limit in force is 30 requests per 60 s (learned from 429 responses)"
    );
}

#[test]
fn learned_limit_that_is_far_off_is_learned_again() {
    // A token bucket of 30 per minute: it accepts 30 at once, then one in 2 s.
    let mut limiter = Limiter::new(RateLimit::Auto, 1_000);
    send(&mut limiter, S(1), 40);
    succeed(&mut limiter, S(1), 30);
    reject(&mut limiter, S(1), S(1), S(2), 10);
    assert_eq!(limit(&mut limiter, S(1)), (Some("learned"), Some(30), Some(S(2))));
    send(&mut limiter, MS(3_500), 30);
    assert!(matches!(ask(&mut limiter, MS(3_500)), Admission::At(_)), "the limit is reached");
    succeed(&mut limiter, MS(3_500), 1);
    reject(&mut limiter, MS(3_500), MS(3_500), S(2), 29);
    assert_eq!(limit(&mut limiter, MS(3_500)), (Some("learned"), Some(1), Some(S(2))));
}

#[test]
fn other_clients_lower_a_learned_limit_by_a_fifth() {
    let mut limiter = Limiter::new(RateLimit::Auto, 1_000);
    send(&mut limiter, S(1), 40);
    succeed(&mut limiter, S(1), 30);
    reject(&mut limiter, S(1), S(1), S(60), 10);
    assert_eq!(limit(&mut limiter, S(1)), (Some("learned"), Some(30), Some(S(60))));
    // Another client uses the rest of the window. This one has not reached its limit.
    send(&mut limiter, S(130), 1);
    succeed(&mut limiter, S(130), 1);
    send(&mut limiter, S(135), 1);
    reject(&mut limiter, S(135), S(135), S(52), 1);
    assert_eq!(limit(&mut limiter, S(135)), (Some("learned"), Some(24), Some(S(60))));
}

#[test]
fn failures_are_no_evidence_of_a_limit() {
    let mut limiter = Limiter::new(RateLimit::Auto, 1_000);
    send(&mut limiter, S(1), 300);
    for _ in 0..200 {
        limiter.ended(|| S(1), Some(S(1)), 0, Used::Failed);
    }
    succeed(&mut limiter, S(1), 10);
    reject(&mut limiter, S(1), S(1), S(59), 90);
    assert_eq!(limit(&mut limiter, S(1)).1, Some(10));
    // In a slow start, neither.
    let mut limiter = Limiter::new(RateLimit::Off, 1_000);
    send(&mut limiter, S(0), 1);
    reject(&mut limiter, S(0), S(0), S(10), 1);
    send(&mut limiter, MS(10_500), 1);
    limiter.ended(|| S(11), Some(MS(10_500)), 0, Used::Failed);
    assert_eq!(ask(&mut limiter, MS(10_500)), Admission::At(MS(11_500)));
}

#[test]
fn slow_start_after_a_429_that_tells_no_limit() {
    for rate_limit in [RateLimit::Auto, RateLimit::Off] {
        let mut limiter = Limiter::new(rate_limit, 1_000);
        send(&mut limiter, S(0), 5);
        reject(&mut limiter, S(0), S(0), S(10), 5);
        assert_eq!(limit(&mut limiter, S(0)).0, None);
        let opens = MS(10_500);
        assert_eq!(ask(&mut limiter, S(1)), Admission::At(opens));
        send(&mut limiter, opens, 1);
        assert_eq!(ask(&mut limiter, opens), Admission::At(MS(11_500)), "one, until it succeeds or a second passes");
        succeed(&mut limiter, opens, 1);
        send(&mut limiter, opens, 2);
        assert_eq!(ask(&mut limiter, opens), Admission::At(MS(11_500)));
        send(&mut limiter, MS(11_500), 1);
        assert_eq!(ask(&mut limiter, MS(11_500)), Admission::At(MS(12_500)));
        succeed(&mut limiter, MS(11_500), 3);
        send(&mut limiter, MS(26_500), 900);
    }
}

#[test]
fn wait_between_failed_starts_grows() {
    let mut limiter = Limiter::new(RateLimit::Auto, 1_000);
    let mut now = S(0);
    let mut waits = Vec::new();
    for _ in 0..7 {
        send(&mut limiter, now, 1);
        reject(&mut limiter, now, now, MS(500), 1);
        let Admission::At(opens) = ask(&mut limiter, now) else { panic!("it is closed") };
        waits.push((opens - now).as_millis());
        now = opens;
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
    send(&mut limiter, now, 1);
    reject(&mut limiter, now, now, MS(500), 1);
    assert_eq!(ask(&mut limiter, now), Admission::At(now + S(20)));
    assert_eq!(limiter.reason(now).unwrap(), "the service responded with 429 and asks to wait for 20 s");
    now += S(20);
    send(&mut limiter, now, 1);
    succeed(&mut limiter, now, 1);
    send(&mut limiter, now, 1);
    reject(&mut limiter, now, now, MS(500), 1);
    assert_eq!(ask(&mut limiter, now), Admission::At(now + MS(1_000)), "a success resets it");
}

#[test]
fn surprise_429_lowers_a_configured_limit_once() {
    let quota = Quota { requests: Some(30), tokens: None, per: S(60) };
    let mut limiter = Limiter::new(RateLimit::Custom(quota), 1_000);
    send(&mut limiter, S(0), 10);
    reject(&mut limiter, S(0), S(0), S(5), 10);
    assert_eq!(limit(&mut limiter, S(0)), (Some("configured"), Some(24), Some(S(60))));
    send(&mut limiter, S(6), 1);
    limiter.rate_limited(S(6), S(6), None);
    limiter.rate_limited(S(7), S(6), None);
    limiter.ended(|| S(7), None, 0, Used::Request);
    assert_eq!(limit(&mut limiter, S(7)).1, Some(19), "without Retry-After: once in 15 s");
    limiter.rate_limited(S(21), S(21), None);
    assert_eq!(limit(&mut limiter, S(21)).1, Some(15));
}

#[test]
fn both_limits_hold_and_an_oversized_attempt_goes_alone() {
    let quota = Quota { requests: Some(3), tokens: Some(100), per: S(60) };
    let mut limiter = Limiter::new(RateLimit::Custom(quota), 1_000);
    let tokens = |likely| TokenEstimate { likely, at_most: likely };
    assert_eq!(limiter.admit(S(0), tokens(80)), Admission::Now);
    limiter.sent(S(0));
    assert_eq!(limiter.admit(S(0), tokens(30)), Admission::WhenAnotherEnds, "it depends on what the first one uses");
    limiter.ended(|| S(1), None, 80, Used::Tokens(60));
    assert_eq!(limiter.admit(S(1), tokens(30)), Admission::Now);
    limiter.sent(S(1));
    limiter.ended(|| S(2), None, 30, Used::Request);
    assert_eq!(limiter.admit(S(2), tokens(50)), Admission::At(MS(61_250)), "60 tokens leave with the first one's end");
    assert_eq!(limiter.admit(S(2), tokens(40)), Admission::Now);
    limiter.sent(S(2));
    limiter.ended(|| S(3), None, 40, Used::Unknown);
    assert_eq!(limiter.admit(S(3), tokens(1)), Admission::At(MS(61_250)), "100 tokens");
    assert_eq!([0, 1].map(|ahead| limiter.earliest(S(3), ahead, tokens(1))), [MS(61_250), MS(61_250)]);
    assert_eq!(limiter.earliest(S(3), 0, tokens(0)), MS(60_250));
    assert_eq!(limiter.admit(S(3), tokens(0)), Admission::At(MS(60_250)), "three requests");
    // Larger than a window: when nothing counts any more.
    assert_eq!(limiter.admit(S(3), tokens(500)), Admission::At(MS(63_250)));
    assert_eq!(limiter.admit(MS(63_250), tokens(500)), Admission::Now);
    limiter.sent(MS(63_250));
    limiter.ended(|| S(70), None, 500, Used::Tokens(450));
    assert_eq!(limiter.admit(S(71), tokens(1)), Admission::At(MS(130_250)), "it counts against the next window too");
}

#[test]
fn earliest_time_by_place_in_the_queue() {
    let quota = Quota { requests: Some(3), tokens: None, per: S(60) };
    let mut limiter = Limiter::new(RateLimit::Custom(quota), 1_000);
    send(&mut limiter, S(0), 1);
    send(&mut limiter, S(10), 1);
    let mut earliest = |place| limiter.earliest(S(20), place, TokenEstimate::default()).as_millis();
    let places = [0, 1, 2, 3, 4, 5, 6].map(&mut earliest);
    assert_eq!(places, [20_000, 60_250, 70_250, 80_250, 120_500, 130_500, 140_500]);
    let mut closed = Limiter::new(RateLimit::Off, 1_000);
    send(&mut closed, S(0), 1);
    reject(&mut closed, S(0), S(0), S(60), 1);
    assert_eq!(
        [0, 5_000].map(|place| closed.earliest(S(1), place, TokenEstimate::default())),
        [MS(60_500), MS(60_500)]
    );
}
