//! The status, and the body and headers of an answer that is no run.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::refusal(data));
