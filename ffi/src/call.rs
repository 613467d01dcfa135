//! The functions of queues and of the calls that complete in them.

use std::sync::Arc;
use std::time::Duration;

use builderaikits::{ErrorKind, RequestOptions};
use builderaikits_bridge::{Call, CompletionQueue, HostTimes, options};

use crate::args::{Out, catch_panics, object, string};
use crate::batch::{BatchStorage, register_batch, write_error};
use crate::wake::Wake;
use crate::{
    BATCHES, Batch, CLIENTS,
    Code::{self, *},
    QUEUES, QueueHandle,
};

/// Creates a queue in which calls complete. One queue is enough for a process.
///
/// `*descriptor` becomes readable when the queue changes from empty to non-empty. It is an eventfd on Linux and a pipe
/// elsewhere, non-blocking and closed on exec; on Windows it is -1, and hosts block in `baik_1_drain`. It belongs to the
/// queue: do not close it. A host that polls it reads 8 bytes, then drains until `more` is 0; an edge-triggered host
/// (EPOLLET) need not read an eventfd at all.
///
/// Free `*queue` with `baik_1_queue_free`.
///
/// # Safety
///
/// `queue` and `descriptor` are writable; `descriptor` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_queue_new(queue: *mut u64, descriptor: *mut i32) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let (mut queue, mut descriptor) = unsafe { (Out::required(queue)?, Out::optional(descriptor)) };
        queue.set(0);
        descriptor.set(-1);
        let wake = Arc::new(Wake::new().map_err(|_| BAIK_1_NO_RESOURCES)?);
        let completed = Arc::new(CompletionQueue::new({
            let wake = Arc::clone(&wake);
            move || wake.wake()
        }));
        let number = wake.descriptor();
        queue.set(QUEUES.insert(QueueHandle { completed, wake }).ok_or(BAIK_1_NO_RESOURCES)?);
        descriptor.set(number);
        Ok(())
    })
}

/// Frees a queue and cancels all its calls. Threads that block in `baik_1_drain` return, and the descriptor is closed
/// once no other thread uses the queue.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_queue_free(queue: u64) -> Code {
    catch_panics(|| {
        let queue = QUEUES.remove(queue).ok_or(BAIK_1_INVALID_HANDLE)?;
        queue.completed.shut_down();
        queue.wake.wake();
        Ok(())
    })
}

/// Starts a call and returns at once. The call completes once in `queue`, with the id `*call` (which may be 0), unless it
/// is cancelled.
///
/// `operation` names the operation, such as `kits.run`. `request` is its request as JSON, with the API's field names.
/// `options` is a JSON object or empty, with the keys:
/// - `timeout_ms`, `max_retries`, `retry_ambiguous`, `idempotency_key`, `headers`: the options of a call;
/// - `deadline_ms`: a second timeout; the shorter one applies;
/// - `queued_for_ms`: how long the call waited in the host, which counts towards its timeout.
///
/// On `BAIK_1_ERROR` no call was started; free `*error` with `baik_1_batch_free`.
///
/// # Safety
///
/// `operation`, `request` and `options` point to as many bytes as their lengths say. `call` and `error` are writable;
/// `error` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_submit(
    client: u64,
    queue: u64,
    operation: *const u8,
    operation_len: usize,
    request: *const u8,
    request_len: usize,
    options: *const u8,
    options_len: usize,
    call: *mut u64,
    error: *mut Batch,
) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let (operation, request, options, mut call, mut error) = unsafe {
            (
                string(operation, operation_len)?,
                string(request, request_len)?,
                string(options, options_len)?,
                Out::required(call)?,
                Out::optional(error),
            )
        };
        call.set(0);
        error.set(Batch::EMPTY);
        let client = CLIENTS.get(client).ok_or(BAIK_1_INVALID_HANDLE)?;
        let queue = QUEUES.get(queue).ok_or(BAIK_1_INVALID_HANDLE)?;
        match Call::from_json(operation, request).and_then(|call| Ok((call, read_options(options)?))) {
            Ok((ready, (options, host))) => {
                let id = client.submit(&queue.completed, ready, options, host);
                // None: another thread has freed the queue meanwhile.
                call.set(id.ok_or(BAIK_1_INVALID_HANDLE)?);
                Ok(())
            }
            Err(why) => Err(write_error(&why, error)),
        }
    })
}

/// Cancels a call: its request is aborted, and it never completes. Returns `BAIK_1_ALREADY_COMPLETED` if it is in the
/// queue, or was drained.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_cancel(queue: u64, call: u64) -> Code {
    catch_panics(|| {
        let queue = QUEUES.get(queue).ok_or(BAIK_1_INVALID_HANDLE)?;
        if queue.completed.abort(call) { Ok(()) } else { Err(BAIK_1_ALREADY_COMPLETED) }
    })
}

/// Removes up to `max` completed calls from the queue, oldest first. If there are none, it blocks for up to `timeout_ms`
/// (0: not at all). If there are none after that, `batch->handle` is 0, and there is nothing to free.
///
/// Otherwise free `*batch` with `baik_1_batch_free`.
///
/// # Safety
///
/// `batch` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_drain(queue: u64, max: usize, timeout_ms: u32, batch: *mut Batch) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let mut batch = unsafe { Out::required(batch)? };
        batch.set(Batch::EMPTY);
        let queue = QUEUES.get(queue).ok_or(BAIK_1_INVALID_HANDLE)?;
        let mut results = Vec::new();
        let mut more = queue.completed.drain(max, &mut results);
        if results.is_empty() && timeout_ms > 0 && max > 0 {
            queue.wake.wait(Duration::from_millis(timeout_ms.into()), || {
                more = queue.completed.drain(max, &mut results);
                !results.is_empty() || queue.completed.is_closed()
            });
        }
        if !results.is_empty() {
            batch.set(Batch { more: more.into(), ..register_batch(BatchStorage::of_results(results))? });
        }
        Ok(())
    })
}

/// Frees a batch, and the memory that its records point to.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_batch_free(batch: u64) -> Code {
    catch_panics(|| BATCHES.remove(batch).map(drop).ok_or(BAIK_1_INVALID_HANDLE))
}

fn read_options(json: &str) -> builderaikits::Result<(RequestOptions, HostTimes)> {
    let mut values = object(json, "options object", ErrorKind::InvalidRequest)?;
    let host = options::take_host_times(&mut values)?;
    Ok((options::request_options(values)?, host))
}
