//! The function that returns what the library knows, without a request to the service.

use builderaikits_bridge::catalog_json;

use crate::args::{Out, catch_panics, string};
use crate::batch::{BatchStorage, register_batch, write_error};
use crate::{
    Batch, CLIENTS,
    Code::{self, *},
};

/// Returns what the library knows, as JSON. Nothing is sent.
///
/// `name` says what, and `request` is JSON or empty:
/// - `usage`: what a client and its copies have done since it was created. A closed client has it too.
/// - `kits.estimate`: the tokens and the maximum cost of a request of `kits.run`.
/// - `catalog`: the kits and plans that this version knows. It needs no client: `client` may be 0.
///
/// Durations are in seconds. A cost is an object of `usd` as text and `nano_usd` as a number.
///
/// On `BAIK_1_OK`, `*batch` has one record, whose `payload` is the JSON. On `BAIK_1_ERROR` it has one record, which says why.
/// Free it with `baik_1_batch_free` in both cases.
///
/// # Safety
///
/// `name` and `request` point to as many bytes as their lengths say. `batch` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_query(
    client: u64,
    name: *const u8,
    name_len: usize,
    request: *const u8,
    request_len: usize,
    batch: *mut Batch,
) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let (name, request, mut batch) =
            unsafe { (string(name, name_len)?, string(request, request_len)?, Out::required(batch)?) };
        batch.set(Batch::EMPTY);
        let client = if client == 0 { None } else { Some(CLIENTS.get(client).ok_or(BAIK_1_INVALID_HANDLE)?) };
        let json = match (name, client) {
            ("catalog", _) => Ok(catalog_json()),
            (_, Some(client)) => client.query(name, request),
            (_, None) => return Err(BAIK_1_INVALID_HANDLE),
        };
        match json {
            Ok(json) => {
                batch.set(register_batch(BatchStorage::of_payload(json))?);
                Ok(())
            }
            Err(why) => Err(write_error(&why, batch)),
        }
    })
}
