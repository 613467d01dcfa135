//! The queue that the calls of one JavaScript environment end in.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use builderaikits_bridge as bridge;
use napi::Status;
use napi::bindgen_prelude::{Either, Env, Function};
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
type Ended<'env> = Either<String, Vec<Either<String, Failed<'env>>>>;

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
    pub fn drain<'env>(&self, env: &'env Env) -> napi::Result<Ended<'env>> {
        let mut ended = Vec::new();
        if self.0.queue.drain(BATCH, &mut ended) {
            // The rest after what else the environment has to do.
            ring(&self.0.wake);
        }
        let (mut runs, mut size) = (Runs::default(), 0_usize);
        let mut batch = Vec::new();
        for (call, end) in ended {
            self.0.forget(env)?;
            match (number(call), end) {
                (Some(call), Ok(run)) => {
                    size = size.saturating_add(run.output.text.len());
                    runs.push(call, run);
                    if size > LARGEST_TEXT {
                        batch.push(Either::A(std::mem::take(&mut runs).into_text()?));
                        size = 0;
                    }
                }
                (call, Err(error)) => batch.push(Either::B(Failed::of(env, error, call)?)),
                // No call without a number has begun.
                (None, Ok(_)) => {}
            }
        }
        if batch.is_empty() {
            return Ok(Either::A(runs.into_text()?));
        }
        if !runs.is_empty() {
            batch.push(Either::A(runs.into_text()?));
        }
        Ok(Either::B(batch))
    }

    /// Gives a call up: its request is aborted, and whoever drains does not see it.
    #[napi(catch_unwind)]
    pub fn abort(&self, env: Env, call: i64) -> napi::Result<()> {
        // One that had ended before is there to be drained.
        if self.0.queue.abort(call_id(call)) { self.0.forget(&env) } else { Ok(()) }
    }
}

impl InFlight {
    pub(crate) fn queue(&self) -> &Arc<bridge::Calls> {
        &self.queue
    }

    /// Notes that a call has begun, and gives the number that JavaScript knows it by. None: there is none, and the call
    /// is given up.
    pub(crate) fn begun(&self, env: &Env, call: bridge::CallId) -> napi::Result<Option<i64>> {
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
        let mut alive = self.alive.borrow_mut();
        if pending { alive.refer(env) } else { alive.unref(env) }
    }
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
