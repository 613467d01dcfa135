//! The queue that the calls of one JavaScript environment end in.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use builderaikits::{Error, ErrorKind, ErrorParts, Run};
use builderaikits_bridge as bridge;
use napi::Status;
use napi::bindgen_prelude::{Env, Function, ToNapiValue, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue};
use napi_derive::napi;

use crate::failure::Failed;
use crate::run::{Answer, batch_text};

/// So many ended calls are handed out before the environment's other work has its turn.
const BATCH: usize = 256;

/// A text of answers ends after so many bytes of them: V8 takes none of over 512 MiB.
const LARGEST_TEXT: usize = 16 << 20;

/// Node's own queue of wakes has no limit: there is at most one of ours in it.
type Wake = ThreadsafeFunction<(), UnknownReturnValue, (), Status, false, true, 0>;

/// Calls in flight of one JavaScript environment.
#[napi]
pub struct Calls {
    queue: Arc<bridge::Calls>,
    /// Weak, so that it keeps no process alive, but while calls are pending. Locked for no longer than it is told so.
    wake: Arc<Mutex<Wake>>,
    /// Begun, and neither drained nor given up.
    pending: Cell<u32>,
}

#[napi]
impl Calls {
    /// A queue that calls `wake` in this environment when there is something to drain.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), UnknownReturnValue>) -> napi::Result<Self> {
        let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
        let wake = Arc::new(Mutex::new(wake));
        let queue = Arc::new(bridge::Calls::new({
            let wake = Arc::clone(&wake);
            move || ring(&wake)
        }));
        // The environment goes, and with it all who wait: a worker that is terminated, or the process.
        env.add_env_cleanup_hook(Arc::clone(&queue), |queue| queue.shut())?;
        Ok(Self { queue, wake, pending: Cell::new(0) })
    }

    /// Calls that have ended: the runs among them as one JSON text, or several where they are long, and each failure.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env) -> Vec<Unknown<'env>> {
        let mut ended = Vec::new();
        if self.queue.drain(BATCH, &mut ended) {
            // The rest after what else the environment has to do.
            ring(&self.wake);
        }
        let mut batch = Batch { env, parts: Vec::new() };
        let (mut runs, mut size) = (Vec::with_capacity(ended.len()), 0_usize);
        for (call, end) in ended {
            // It fails where the environment goes, and then nobody is kept.
            let _ = self.forget(env);
            match end {
                Ok(run) => {
                    size = size.saturating_add(run.output.text.len());
                    runs.push(Answer { call: number(call).unwrap_or_default(), run });
                    if size > LARGEST_TEXT {
                        batch.add_runs(&std::mem::take(&mut runs));
                        size = 0;
                    }
                }
                Err(error) => batch.add_failure(error, number(call)),
            }
        }
        batch.add_runs(&runs);
        batch.parts
    }

    /// Gives a call up: its request is aborted, and whoever drains does not see it.
    #[napi(catch_unwind)]
    pub fn abort(&self, env: Env, call: f64) -> napi::Result<()> {
        // One that had ended before is there to be drained.
        if self.queue.abort(call_id(call)) { self.forget(&env) } else { Ok(()) }
    }
}

impl Calls {
    pub(crate) fn queue(&self) -> &Arc<bridge::Calls> {
        &self.queue
    }

    /// Notes that a call has begun, and gives the number that JavaScript knows it by. None: there is none, and the call
    /// is given up.
    pub(crate) fn begun(&self, env: &Env, call: bridge::CallId) -> napi::Result<Option<f64>> {
        let Some(number) = number(call) else {
            self.queue.abort(call);
            return Ok(None);
        };
        if self.pending.replace(self.pending.get().saturating_add(1)) == 0 {
            self.keep_alive(env, true)?;
        }
        Ok(Some(number))
    }

    fn forget(&self, env: &Env) -> napi::Result<()> {
        self.pending.set(self.pending.get().saturating_sub(1));
        if self.pending.get() == 0 { self.keep_alive(env, false) } else { Ok(()) }
    }

    /// Whether the process stays for the calls that are pending.
    #[expect(deprecated, reason = "napi has no other safe way, and what it advises is for strong functions")]
    fn keep_alive(&self, env: &Env, pending: bool) -> napi::Result<()> {
        let mut wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        if pending { wake.refer(env) } else { wake.unref(env) }
    }
}

/// What is handed to JavaScript at once. What cannot be is the failure of its call, and of no other.
struct Batch<'env> {
    env: &'env Env,
    parts: Vec<Unknown<'env>>,
}

impl Batch<'_> {
    fn add_runs(&mut self, runs: &[Answer]) {
        if runs.is_empty() {
            return;
        }
        match text(runs).and_then(|text| text.into_unknown(self.env)) {
            Ok(text) => self.parts.push(text),
            Err(error) => match runs {
                [Answer { call, run }] => self.add_failure(not_handed_over(&error, run), Some(*call)),
                // One of them: which, shows when each goes alone.
                runs => runs.chunks(1).for_each(|run| self.add_runs(run)),
            },
        }
    }

    fn add_failure(&mut self, error: Error, call: Option<f64>) {
        // Where that fails there is no memory for anything.
        if let Ok(failed) = Failed::of(self.env, error, call).into_unknown(self.env) {
            self.parts.push(failed);
        }
    }
}

fn text(runs: &[Answer]) -> napi::Result<String> {
    #[cfg(feature = "inject-panic")]
    if runs.iter().any(|answer| answer.run.id.as_deref() == Some("unconvertible-please")) {
        return Err(napi::Error::from_reason("injected"));
    }
    batch_text(runs)
}

fn not_handed_over(why: &napi::Error, run: &Run) -> Error {
    let metadata = &run.response_metadata;
    Error::from(ErrorParts {
        kind: ErrorKind::Internal,
        message: format!(
            "the answer, a text of {} bytes, cannot be handed to JavaScript: {}",
            run.output.text.len(),
            why.reason
        ),
        headers: Some(metadata.headers.clone()),
        request_id: metadata.request_id.clone(),
        attempts: metadata.attempts,
        may_have_run: true,
        idempotency_key: Some(metadata.idempotency_key.clone()),
        elapsed: metadata.elapsed,
        ..ErrorParts::default()
    })
}

fn ring(wake: &Mutex<Wake>) {
    // One that is closing has an environment that goes: nobody is left to be woken.
    let _ = wake.lock().unwrap_or_else(PoisonError::into_inner).call((), ThreadsafeFunctionCallMode::NonBlocking);
}

/// A call's id as a whole number of JavaScript's, which has 53 bits: 32 of generation, and 21 of slot, which are more
/// calls at once than a process has memory for. None beyond them.
fn number(call: bridge::CallId) -> Option<f64> {
    let (generation, slot) = (call >> 32, call & u64::from(u32::MAX));
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    (slot < 1 << SLOT_BITS).then_some((generation << SLOT_BITS | slot) as f64)
}

fn call_id(number: f64) -> bridge::CallId {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an odd number is nobody's id")]
    let number = number as u64;
    (number >> SLOT_BITS) << 32 | number & ((1 << SLOT_BITS) - 1)
}

const SLOT_BITS: u32 = 21;
