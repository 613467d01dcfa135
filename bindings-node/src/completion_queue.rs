//! The completion queue of one JavaScript environment.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use builderaikits_bridge as bridge;
use napi::Status;
use napi::bindgen_prelude::{Env, Function, ToNapiValue, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue};
use napi_derive::napi;

use crate::error_record::{ErrorRecord, conversion_error};
use crate::response::response_json;

/// Node's queue of wake-ups needs no limit, because it holds at most one.
type Wake = ThreadsafeFunction<(), UnknownReturnValue, (), Status, false, true, 0>;

/// The calls in flight of one JavaScript environment, which its clients share.
#[napi]
pub struct CompletionQueue(pub(crate) Rc<PendingCalls>);

pub(crate) struct PendingCalls {
    queue: Arc<bridge::CompletionQueue>,
    wake: Arc<Wake>,
    /// Keeps the process alive while calls are pending. Separate from `wake`, which would need a lock for that.
    keep_alive: RefCell<Wake>,
    /// Calls that were started and neither drained nor aborted.
    count: Cell<u32>,
}

#[napi]
impl CompletionQueue {
    /// Creates a queue that calls `wake` in this environment when there is something to drain.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), UnknownReturnValue>) -> napi::Result<Self> {
        // Weak functions do not keep the process alive by themselves.
        let weak = || wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build();
        let (wake, keep_alive) = (Arc::new(weak()?), RefCell::new(weak()?));
        let queue = Arc::new(bridge::CompletionQueue::new({
            let wake = Arc::clone(&wake);
            move || notify(&wake)
        }));
        // The environment goes away when a worker is terminated or the process exits.
        env.add_env_cleanup_hook(Arc::clone(&queue), |queue| queue.shut_down())?;
        Ok(Self(Rc::new(PendingCalls { queue, wake, keep_alive, count: Cell::new(0) })))
    }

    /// Takes the completed calls: for each its id, followed by its response as text or its error record.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env) -> Vec<Unknown<'env>> {
        let mut completed = Vec::new();
        if self.0.queue.drain(bridge::MAX_BATCH, &mut completed) {
            // The rest is drained after other work of the environment.
            notify(&self.0.wake);
        }
        let mut results = Vec::with_capacity(completed.len().saturating_mul(2));
        for (call, result) in completed {
            // A call without a JavaScript id was never started for JavaScript.
            let Some(call) = to_js_id(call) else { continue };
            self.0.finished(env);
            // Fails only if there is no memory left.
            if let (Ok(call), Ok(result)) = (call.into_unknown(env), to_js_result(env, result)) {
                results.extend([call, result]);
            }
        }
        results
    }

    /// Aborts the request of a call, which will then not be drained. Does nothing if the call has completed.
    #[napi(catch_unwind)]
    pub fn abort(&self, env: Env, call: i64) {
        if self.0.queue.abort(from_js_id(call)) {
            self.0.finished(&env);
        }
    }
}

impl PendingCalls {
    pub(crate) fn queue(&self) -> &Arc<bridge::CompletionQueue> {
        &self.queue
    }

    /// Counts a started call and returns its JavaScript id. Without one the call is aborted and None returned.
    pub(crate) fn started(&self, env: &Env, call: bridge::CallId) -> Option<i64> {
        let Some(id) = to_js_id(call) else {
            self.queue.abort(call);
            return None;
        };
        if self.count.replace(self.count.get().saturating_add(1)) == 0 {
            self.set_keep_alive(env, true);
        }
        Some(id)
    }

    fn finished(&self, env: &Env) {
        self.count.set(self.count.get().saturating_sub(1));
        if self.count.get() == 0 {
            self.set_keep_alive(env, false);
        }
    }

    #[expect(deprecated, reason = "napi has no other safe way, and its advice is for strong functions")]
    fn set_keep_alive(&self, env: &Env, pending: bool) {
        let mut function = self.keep_alive.borrow_mut();
        // Fails only if the environment is going away, which nothing should prevent.
        let _ = if pending { function.refer(env) } else { function.unref(env) };
    }
}

/// If a response cannot be converted, such as one that exceeds V8's limit of 512 MiB for a string, only its own call fails.
fn to_js_result(env: &Env, result: bridge::CallResult) -> napi::Result<Unknown<'_>> {
    let error = match result {
        Ok(response) => match response_json(&response).and_then(|text| text.into_unknown(env)) {
            Ok(text) => return Ok(text),
            Err(reason) => conversion_error(&reason, response),
        },
        Err(error) => error,
    };
    ErrorRecord::new(env, error).into_unknown(env)
}

fn notify(wake: &Wake) {
    // Fails only if the environment is going away, and then there is nothing to wake.
    let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
}

/// Packs a call id into the 53 bits of a JavaScript integer: 32 of generation and 21 of slot, which is more concurrent
/// calls than fit into memory. None for slots beyond them.
fn to_js_id(call: bridge::CallId) -> Option<i64> {
    let (generation, slot) = (call >> 32, call & u64::from(u32::MAX));
    (slot < 1 << SLOT_BITS).then(|| i64::try_from(generation << SLOT_BITS | slot).ok())?
}

/// A negative number becomes an id that is never assigned.
fn from_js_id(id: i64) -> bridge::CallId {
    u64::try_from(id).map_or(u64::MAX, |id| (id >> SLOT_BITS) << 32 | id & ((1 << SLOT_BITS) - 1))
}

const SLOT_BITS: u32 = 21;
