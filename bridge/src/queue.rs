//! Calls by id, and the queue that they end in.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::sync::Mutex;

/// The name of one call on one queue. Never given twice: a slot that is used again has another generation.
pub type CallId = u64;

/// Where calls end, for one host: an event loop, a JavaScript environment, a Go process.
///
/// A call ends here exactly once, or was cancelled and never does. `T` is what it ends in, `A` what aborts it.
pub struct Queue<T, A> {
    state: Mutex<State<T, A>>,
    /// Called by whatever thread ends a call. It owns what it writes to, so that it can never write elsewhere.
    wake: Box<dyn Fn() + Send + Sync>,
}

struct State<T, A> {
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
    done: VecDeque<(CallId, T)>,
    closed: bool,
}

struct Slot<A> {
    generation: u32,
    /// `Some` while the call is in flight; the inner one is empty until it has been spawned.
    call: Option<Option<A>>,
}

impl<T, A> Queue<T, A> {
    /// A queue that calls `wake` when it goes from empty to not empty. `wake` must not block, and must not panic.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let state = State { slots: Vec::new(), free: Vec::new(), done: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), wake: Box::new(wake) }
    }

    /// Takes a slot for a call. None once the queue is closed.
    pub(crate) fn begin(&self) -> Option<CallId> {
        self.with(|state| {
            if state.closed {
                return None;
            }
            let index = state.free.pop().or_else(|| {
                state.slots.push(Slot { generation: 0, call: None });
                u32::try_from(state.slots.len()).ok()?.checked_sub(1)
            })?;
            let slot = state.slots.get_mut(usize::try_from(index).ok()?)?;
            slot.call = Some(None);
            Some(id(slot.generation, index))
        })
    }

    /// Notes what aborts the call. Gives it back if the call is no longer wanted, or has ended.
    pub(crate) fn spawned(&self, call: CallId, abort: A) -> Option<A> {
        self.with(|state| match state.slot(call) {
            Some(slot) => {
                slot.call = Some(Some(abort));
                None
            }
            None => Some(abort),
        })
    }

    /// Ends a call: what it ended in waits to be drained, unless it was cancelled.
    pub(crate) fn finish(&self, call: CallId, end: T) {
        // What is dropped is dropped after the lock is open: it can be large.
        let (wake, _dropped) = self.with(|state| match state.take(call) {
            Some(abort) if !state.closed => {
                let wake = state.done.is_empty();
                state.done.push_back((call, end));
                (wake, (abort, None))
            }
            gone => (false, (gone.flatten(), Some(end))),
        });
        if wake {
            (self.wake)();
        }
    }

    /// Ends a call without a result. Gives what aborts it, or nothing if it has ended before.
    pub(crate) fn cancel(&self, call: CallId) -> Option<Option<A>> {
        self.with(|state| state.take(call))
    }

    /// Moves up to `most` ended calls to `batch`, oldest first, and tells whether there are more. The queue wakes again
    /// only once it has been drained empty.
    pub fn drain(&self, most: usize, batch: &mut Vec<(CallId, T)>) -> bool {
        self.with(|state| {
            let count = most.min(state.done.len());
            batch.extend(state.done.drain(..count));
            !state.done.is_empty()
        })
    }

    /// How many calls have neither ended nor been cancelled.
    pub fn in_flight(&self) -> usize {
        self.with(|state| state.slots.len().saturating_sub(state.free.len()))
    }

    /// Refuses new calls and forgets all others; gives what aborts those in flight.
    pub(crate) fn close(&self) -> Vec<A> {
        let (aborts, _dropped) = self.with(|state| {
            state.closed = true;
            let calls: Vec<_> = (0..state.slots.len()).filter_map(|index| state.call_at(index)).collect();
            let aborts = calls.into_iter().filter_map(|call| state.take(call)?).collect();
            (aborts, std::mem::take(&mut state.done))
        });
        aborts
    }

    fn with<R>(&self, work: impl FnOnce(&mut State<T, A>) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T, A> State<T, A> {
    /// The slot of a call that is in flight.
    fn slot(&mut self, call: CallId) -> Option<&mut Slot<A>> {
        let (generation, index) = parts(call);
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        (slot.generation == generation && slot.call.is_some()).then_some(slot)
    }

    fn take(&mut self, call: CallId) -> Option<Option<A>> {
        let slot = self.slot(call)?;
        let abort = slot.call.take()?;
        // A slot whose generations are used up is not used again.
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(parts(call).1);
        }
        Some(abort)
    }

    fn call_at(&self, index: usize) -> Option<CallId> {
        let slot = self.slots.get(index)?;
        slot.call.as_ref()?;
        Some(id(slot.generation, u32::try_from(index).ok()?))
    }
}

fn id(generation: u32, index: u32) -> CallId {
    (u64::from(generation) << 32) | u64::from(index)
}

fn parts(call: CallId) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = call.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}
