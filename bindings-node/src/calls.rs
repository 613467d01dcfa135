//! The queue that the calls of one JavaScript environment end in.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use builderaikits::{Error, ErrorKind, ErrorParts, Run};
use builderaikits_bridge as bridge;
use napi::Status;
use napi::bindgen_prelude::{Either, Env, Function, ToNapiValue, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue};
use napi_derive::napi;

use crate::failure::Failed;
use crate::run::Runs;

/// So many ended calls are handed out before the environment's other work has its turn.
const BATCH: usize = 256;

/// A text of answers ends after so many bytes of them: V8 takes none of over 512 MiB.
const LARGEST_TEXT: usize = 16 << 20;

/// Node's own queue of wakes has no limit: there is at most one of ours in it.
type Wake = ThreadsafeFunction<(), UnknownReturnValue, (), Status, false, true, 0>;

/// Calls in flight of one JavaScript environment. Its clients have it too.
#[napi]
pub struct Calls(pub(crate) Rc<InFlight>);

pub(crate) struct InFlight {
    queue: Arc<bridge::Calls>,
    wake: Arc<Wake>,
    /// Keeps the process alive while calls are pending. Another one than `wake`, which would have to be locked for it.
    alive: RefCell<Wake>,
    /// Begun, and neither drained nor given up.
    pending: Cell<u32>,
}

/// The runs of a batch as one JSON text, or several where they are long, and each failure.
type Ended<'env> = Either<Unknown<'env>, Vec<Unknown<'env>>>;

#[napi]
impl Calls {
    /// A queue that calls `wake` in this environment when there is something to drain.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), UnknownReturnValue>) -> napi::Result<Self> {
        // Weak: they keep no process alive of their own accord.
        let weak = || wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build();
        let (wake, alive) = (Arc::new(weak()?), RefCell::new(weak()?));
        let queue = Arc::new(bridge::Calls::new({
            let wake = Arc::clone(&wake);
            move || ring(&wake)
        }));
        // The environment goes, and with it all who wait: a worker that is terminated, or the process.
        env.add_env_cleanup_hook(Arc::clone(&queue), |queue| queue.shut())?;
        Ok(Self(Rc::new(InFlight { queue, wake, alive, pending: Cell::new(0) })))
    }

    /// Calls that have ended. One text where all of them have a run, as is usual.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env) -> Ended<'env> {
        let mut ended = Vec::new();
        if self.0.queue.drain(BATCH, &mut ended) {
            // The rest after what else the environment has to do.
            ring(&self.0.wake);
        }
        let mut batch = Batch { env, parts: Vec::new() };
        let (mut runs, mut size) = (Runs::default(), 0_usize);
        for (call, end) in ended {
            // Without a number it has not begun, for JavaScript.
            let Some(call) = number(call) else { continue };
            self.0.forget(env);
            match end {
                Ok(run) => {
                    size = size.saturating_add(run.output.text.len());
                    runs.push(call, run);
                    if size > LARGEST_TEXT {
                        batch.add_runs(std::mem::take(&mut runs));
                        size = 0;
                    }
                }
                Err(error) => batch.add_failure(error, call),
            }
        }
        if batch.parts.is_empty()
            && let Ok(text) = batch.text(&runs)
        {
            return Either::A(text);
        }
        if runs.len() > 0 {
            batch.add_runs(runs);
        }
        Either::B(batch.parts)
    }

    /// Gives a call up: its request is aborted, and whoever drains does not see it.
    #[napi(catch_unwind)]
    pub fn abort(&self, env: Env, call: i64) {
        // One that had ended before is there to be drained.
        if self.0.queue.abort(call_id(call)) {
            self.0.forget(&env);
        }
    }
}

impl InFlight {
    pub(crate) fn queue(&self) -> &Arc<bridge::Calls> {
        &self.queue
    }

    /// Notes that a call has begun, and gives the number that JavaScript knows it by. None: there is none, and the call
    /// is given up.
    pub(crate) fn begun(&self, env: &Env, call: bridge::CallId) -> Option<i64> {
        let Some(number) = number(call) else {
            self.queue.abort(call);
            return None;
        };
        if self.pending.replace(self.pending.get().saturating_add(1)) == 0 {
            self.keep_alive(env, true);
        }
        Some(number)
    }

    fn forget(&self, env: &Env) {
        self.pending.set(self.pending.get().saturating_sub(1));
        if self.pending.get() == 0 {
            self.keep_alive(env, false);
        }
    }

    /// Whether the process stays for the calls that are pending.
    #[expect(deprecated, reason = "napi has no other safe way, and what it advises is for strong functions")]
    fn keep_alive(&self, env: &Env, pending: bool) {
        let mut alive = self.alive.borrow_mut();
        // It fails where the environment goes, and then nobody is kept.
        let _ = if pending { alive.refer(env) } else { alive.unref(env) };
    }
}

/// What is handed to JavaScript at once. What cannot be is the failure of its call, and of no other.
struct Batch<'env> {
    env: &'env Env,
    parts: Vec<Unknown<'env>>,
}

impl<'env> Batch<'env> {
    fn add_runs(&mut self, runs: Runs) {
        match self.text(&runs) {
            Ok(text) => self.parts.push(text),
            // One of them: which, shows when each goes alone.
            Err(error) => {
                let alone = runs.len() == 1;
                for (call, run) in runs.each() {
                    if alone {
                        self.add_failure(not_handed_over(&error, &run), call);
                    } else {
                        self.add_runs(Runs::of(call, run));
                    }
                }
            }
        }
    }

    fn add_failure(&mut self, error: Error, call: i64) {
        // Where that fails there is no memory for anything.
        if let Ok(failed) = Failed::of(self.env, error, Some(call)).into_unknown(self.env) {
            self.parts.push(failed);
        }
    }

    fn text(&self, runs: &Runs) -> napi::Result<Unknown<'env>> {
        runs.text()?.into_unknown(self.env)
    }
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

fn ring(wake: &Wake) {
    // One that is closing has an environment that goes: nobody is left to be woken.
    let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
}

/// A call's id as a whole number of JavaScript's, which has 53 bits: 32 of generation, and 21 of slot, which are more
/// calls at once than a process has memory for. None beyond them.
fn number(call: bridge::CallId) -> Option<i64> {
    let (generation, slot) = (call >> 32, call & u64::from(u32::MAX));
    (slot < 1 << SLOT_BITS).then(|| i64::try_from(generation << SLOT_BITS | slot).ok())?
}

/// An odd number is nobody's id.
fn call_id(number: i64) -> bridge::CallId {
    u64::try_from(number).map_or(u64::MAX, |number| (number >> SLOT_BITS) << 32 | number & ((1 << SLOT_BITS) - 1))
}

const SLOT_BITS: u32 = 21;
