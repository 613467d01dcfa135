//! The headers that ask for a delay.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| builderaikits::fuzz::retry_after(data));
