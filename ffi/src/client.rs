//! The functions of clients.

use std::sync::{Mutex, PoisonError};

use builderaikits::{ClientOptions, Error, ErrorKind};
use builderaikits_bridge::{Client, options};
use serde_json::Value;

use crate::args::{Out, catch_panics, object, string};
use crate::batch::write_error;
use crate::{
    Batch, CLIENTS,
    Code::{self, *},
};

/// Creates a client.
///
/// If `base` is 0, the client has the options of the environment, overridden by `options`. If `base` is a client, the new
/// one is a copy with these options: it shares connections, retry budget, rate limit and concurrency limit, and is closed
/// with the original.
///
/// `options` is a JSON object or empty. Its keys are the option names of the SDK's documentation; durations are in
/// milliseconds: `timeout_ms`, `attempt_timeout_ms`, `connect_timeout_ms`. `rate_limit` is a text such as `maker`, or an
/// object of `requests`, `tokens` and `per_ms`. `prices` is an object of kit ids and prices, as numbers or as text. The key
/// `language`, 1 to 16 lower-case letters, names the host's language in `User-Agent`.
///
/// Free `*client` with `baik_1_client_free`. On `BAIK_1_ERROR`, free `*error` with `baik_1_batch_free`.
///
/// # Safety
///
/// `options` points to `options_len` bytes. `client` and `error` are writable; `error` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_client_new(
    base: u64,
    options: *const u8,
    options_len: usize,
    client: *mut u64,
    error: *mut Batch,
) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let (options, mut client, mut error) =
            unsafe { (string(options, options_len)?, Out::required(client)?, Out::optional(error)) };
        client.set(0);
        error.set(Batch::EMPTY);
        let base = if base == 0 { None } else { Some(CLIENTS.get(base).ok_or(BAIK_1_INVALID_HANDLE)?) };
        match new_client(base, options) {
            Ok(created) => {
                client.set(CLIENTS.insert(created).ok_or(BAIK_1_NO_RESOURCES)?);
                Ok(())
            }
            Err(why) => Err(write_error(&why, error)),
        }
    })
}

/// Closes a client and, unless it is a copy itself, all copies of it. New calls are rejected; calls in flight finish. The handle stays valid.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_client_close(client: u64) -> Code {
    catch_panics(|| {
        CLIENTS.get(client).ok_or(BAIK_1_INVALID_HANDLE)?.close();
        Ok(())
    })
}

/// Frees the handle of a client. Its calls in flight finish, and its copies stay usable.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_client_free(client: u64) -> Code {
    catch_panics(|| CLIENTS.remove(client).map(drop).ok_or(BAIK_1_INVALID_HANDLE))
}

fn new_client(base: Option<Client>, json: &str) -> builderaikits::Result<Client> {
    let mut values = object(json, "options object", ErrorKind::Config)?;
    let language = values.remove("language");
    match base {
        Some(base) => base.with_options(options::client_overrides(values)?),
        None => {
            let mut options = ClientOptions::from_env()?;
            options::apply_client_options(&mut options, values)?;
            Client::new(options, language_name(language)?)
        }
    }
}

/// The name of the host's language, kept for the life of the process. Their number is limited, so that a host cannot fill
/// the memory with names.
fn language_name(name: Option<Value>) -> builderaikits::Result<&'static str> {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let Some(name) = name else { return Ok("c") };
    let is_valid = |name: &&str| (1..=16).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(name) = name.as_str().filter(is_valid) else {
        return Err(Error::new(ErrorKind::Config, "language must be 1 to 16 lower-case letters."));
    };
    if let Some(known) = names.iter().find(|known| **known == name) {
        return Ok(known);
    }
    if names.len() >= 16 {
        return Err(Error::new(ErrorKind::Config, "language must be one of at most 16 names in a process."));
    }
    let name: &'static str = name.to_owned().leak();
    names.push(name);
    Ok(name)
}
