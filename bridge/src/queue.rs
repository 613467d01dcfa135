//! [`Queue`]: calls by id, and the queue of completed ones.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::sync::Mutex;

/// Identifies a call within a queue. Ids are never reused: a reused slot gets a new generation.
pub type CallId = u64;

/// The completed calls of one host: an event loop, a JavaScript environment, a Go process.
///
/// A call completes exactly once, or is cancelled and never completes. `T` is its result, `A` aborts it.
pub struct Queue<T, A> {
    state: Mutex<State<T, A>>,
    /// Called by any thread that completes a call. It owns the descriptor that it writes to, so it cannot write to another.
    wake: Box<dyn Fn() + Send + Sync>,
}

struct State<T, A> {
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
    completed: VecDeque<(CallId, T)>,
    closed: bool,
}

struct Slot<A> {
    generation: u32,
    /// `Some` while the call is in flight; the inner option is `None` until `attach`.
    call: Option<Option<A>>,
}

impl<T, A> Queue<T, A> {
    /// Creates a queue that calls `wake` when it changes from empty to non-empty. `wake` must not block and must not panic.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let state = State { slots: Vec::new(), free: Vec::new(), completed: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), wake: Box::new(wake) }
    }

    /// Reserves an id for a call. Returns `None` if the queue is closed.
    pub(crate) fn reserve(&self) -> Option<CallId> {
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
            Some(call_id(slot.generation, index))
        })
    }

    /// Stores what aborts the call. Returns it if the call was cancelled or has completed.
    pub(crate) fn attach(&self, call: CallId, abort: A) -> Option<A> {
        self.with(|state| match state.slot(call) {
            Some(slot) => {
                slot.call = Some(Some(abort));
                None
            }
            None => Some(abort),
        })
    }

    /// Completes a call, unless it was cancelled. If the host must be woken, the returned guard does that when it is
    /// dropped: at once, or after other calls that may complete at the same moment.
    pub(crate) fn complete(&self, call: CallId, result: T) -> Option<WakeOnDrop<'_, T, A>> {
        // The result of a cancelled call is dropped after the lock is released: it can be large.
        let (wake, _dropped) = self.with(|state| match state.take(call) {
            Some(abort) if !state.closed => {
                let wake = state.completed.is_empty().then(|| state.in_flight() > 0);
                state.completed.push_back((call, result));
                (wake, (abort, None))
            }
            gone => (None, (gone.flatten(), Some(result))),
        });
        wake.map(|has_others| WakeOnDrop { queue: self, has_others })
    }

    /// Removes a call that is in flight. Returns what aborts it, or `None` if the call has completed.
    pub(crate) fn cancel(&self, call: CallId) -> Option<Option<A>> {
        self.with(|state| state.take(call))
    }

    /// Moves up to `max` completed calls to `batch`, oldest first, and returns whether there are more. The queue wakes the
    /// host again only after it was drained empty.
    pub fn drain(&self, max: usize, batch: &mut Vec<(CallId, T)>) -> bool {
        self.with(|state| {
            let count = max.min(state.completed.len());
            batch.extend(state.completed.drain(..count));
            !state.completed.is_empty()
        })
    }

    /// Whether the queue accepts no calls, and none will complete in it.
    pub fn is_closed(&self) -> bool {
        self.with(|state| state.closed)
    }

    /// The number of calls that have neither completed nor been cancelled.
    pub fn in_flight(&self) -> usize {
        self.with(|state| state.in_flight())
    }

    /// Closes the queue, drops completed calls, and returns what aborts those in flight.
    pub(crate) fn close(&self) -> Vec<A> {
        let (aborts, _dropped) = self.with(|state| {
            state.closed = true;
            let calls: Vec<_> = (0..state.slots.len()).filter_map(|index| state.call_at(index)).collect();
            let aborts = calls.into_iter().filter_map(|call| state.take(call)?).collect();
            (aborts, std::mem::take(&mut state.completed))
        });
        aborts
    }

    fn with<R>(&self, work: impl FnOnce(&mut State<T, A>) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Wakes the host when it is dropped, also if a task is aborted or panics, so that no host is left waiting.
pub(crate) struct WakeOnDrop<'a, T, A> {
    queue: &'a Queue<T, A>,
    /// Whether other calls are in flight.
    pub(crate) has_others: bool,
}

impl<T, A> Drop for WakeOnDrop<'_, T, A> {
    fn drop(&mut self) {
        (self.queue.wake)();
    }
}

impl<T, A> State<T, A> {
    fn in_flight(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// The slot of a call that is in flight.
    fn slot(&mut self, call: CallId) -> Option<&mut Slot<A>> {
        let (index, generation) = index_and_generation(call);
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        (slot.generation == generation && slot.call.is_some()).then_some(slot)
    }

    fn take(&mut self, call: CallId) -> Option<Option<A>> {
        let slot = self.slot(call)?;
        let abort = slot.call.take()?;
        // A slot whose generations are exhausted is retired.
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(index_and_generation(call).0);
        }
        Some(abort)
    }

    fn call_at(&self, index: usize) -> Option<CallId> {
        let slot = self.slots.get(index)?;
        slot.call.as_ref()?;
        Some(call_id(slot.generation, u32::try_from(index).ok()?))
    }
}

fn call_id(generation: u32, index: u32) -> CallId {
    (u64::from(generation) << 32) | u64::from(index)
}

fn index_and_generation(call: CallId) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = call.to_be_bytes();
    (u32::from_be_bytes([e, f, g, h]), u32::from_be_bytes([a, b, c, d]))
}

#[cfg(all(test, not(feature = "model-check")))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn queue() -> (Queue<&'static str, u8>, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        (
            Queue::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
            woken,
        )
    }

    fn drained(queue: &Queue<&'static str, u8>, max: usize) -> (Vec<(CallId, &'static str)>, bool) {
        let mut batch = Vec::new();
        let more = queue.drain(max, &mut batch);
        (batch, more)
    }

    #[test]
    fn one_wake_for_a_batch() {
        let (queue, woken) = queue();
        let calls: Vec<_> = (0..3).map(|_| queue.reserve().unwrap()).collect();
        for call in &calls {
            assert_eq!(queue.attach(*call, 7), None);
        }
        assert_eq!(queue.in_flight(), 3);
        drop(queue.complete(calls[2], "c"));
        drop(queue.complete(calls[0], "a"));
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(drained(&queue, 1), (vec![(calls[2], "c")], true));
        drop(queue.complete(calls[1], "b"));
        assert_eq!(woken.load(Ordering::Relaxed), 1, "the queue is not empty, so the host drains on");
        assert_eq!(drained(&queue, 9), (vec![(calls[0], "a"), (calls[1], "b")], false));
        assert_eq!((drained(&queue, 9), queue.in_flight()), ((vec![], false), 0));
        let call = queue.reserve().unwrap();
        let guard = queue.complete(call, "d").unwrap();
        assert_eq!((guard.has_others, woken.load(Ordering::Relaxed)), (false, 1), "not before the guard is dropped");
        drop(guard);
        assert_eq!(woken.load(Ordering::Relaxed), 2);
        drained(&queue, 9);
        let calls: Vec<_> = (0..2).map(|_| queue.reserve().unwrap()).collect();
        assert!(queue.complete(calls[0], "e").is_some_and(|guard| guard.has_others));
    }

    #[test]
    fn stale_ids_are_rejected() {
        let (queue, woken) = queue();
        let old = queue.reserve().unwrap();
        assert_eq!(queue.attach(old, 1), None);
        assert_eq!(queue.cancel(old), Some(Some(1)));
        let new = queue.reserve().unwrap();
        assert_ne!(old, new);
        assert_eq!(index_and_generation(old).0, index_and_generation(new).0, "the slot is reused");
        assert_eq!(queue.cancel(old), None);
        assert_eq!(queue.attach(old, 2), Some(2));
        drop(queue.complete(old, "late"));
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        assert_eq!(queue.cancel(new), Some(None), "before it was attached");
        assert_eq!(queue.attach(new, 3), Some(3));
        for unknown in [0xffff_ffff, u64::MAX, 1 << 40] {
            assert_eq!(queue.cancel(unknown), None);
            drop(queue.complete(unknown, "unknown"));
        }
        assert_eq!(drained(&queue, 9), (vec![], false));
    }

    #[test]
    fn close_drops_pending_and_completed_calls() {
        let (queue, woken) = queue();
        let calls: Vec<_> = (0..4).map(|_| queue.reserve().unwrap()).collect();
        for call in &calls[..3] {
            assert_eq!(queue.attach(*call, 5), None);
        }
        drop(queue.complete(calls[0], "completed"));
        assert_eq!(queue.close(), [5, 5]);
        assert_eq!(queue.reserve(), None);
        assert_eq!(queue.attach(calls[3], 6), Some(6));
        drop(queue.complete(calls[1], "late"));
        assert_eq!(drained(&queue, 9), (vec![], false));
        assert_eq!((woken.load(Ordering::Relaxed), queue.in_flight()), (1, 0));
        assert!(queue.close().is_empty());
    }

    #[test]
    fn exhausted_slot_is_retired() {
        let (queue, _) = queue();
        let first = queue.reserve().unwrap();
        queue.with(|state| state.slots[0].generation = u32::MAX);
        let last = call_id(u32::MAX, index_and_generation(first).0);
        assert_eq!(queue.cancel(last), Some(None));
        assert_eq!(queue.reserve().map(index_and_generation), Some((1, 0)), "another slot");
    }
}

/// Every interleaving of threads in the queue, checked by loom: `make loom`.
#[cfg(all(test, feature = "model-check"))]
mod models {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    #[test]
    fn call_completes_once_or_is_cancelled() {
        loom::model(|| {
            let queue = Arc::new(Queue::new(|| ()));
            let call = queue.reserve().unwrap();
            let completes = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || drop(queue.complete(call, "end")))
            };
            // As in `submit`: the call may complete before it is attached.
            let late = queue.attach(call, "abort");
            let cancelled = queue.cancel(call);
            completes.join().unwrap();
            let mut batch = Vec::new();
            assert!(!queue.drain(9, &mut batch));
            match cancelled {
                Some(abort) => assert_eq!((abort, late, batch.len()), (Some("abort"), None, 0)),
                None => assert_eq!(batch, [(call, "end")]),
            }
            assert_eq!(queue.in_flight(), 0);
        });
    }

    #[test]
    fn no_wake_is_lost() {
        loom::model(|| {
            let woken = Arc::new(AtomicUsize::new(0));
            let queue = {
                let woken = Arc::clone(&woken);
                Arc::new(Queue::<_, ()>::new(move || {
                    woken.fetch_add(1, Ordering::SeqCst);
                }))
            };
            let threads: Vec<_> = (0..2)
                .map(|n| {
                    let (queue, call) = (Arc::clone(&queue), queue.reserve().unwrap());
                    thread::spawn(move || drop(queue.complete(call, n)))
                })
                .collect();
            let mut batch = Vec::new();
            let seen = woken.load(Ordering::SeqCst);
            queue.drain(9, &mut batch);
            for thread in threads {
                thread.join().unwrap();
            }
            // A host drains when it is woken. If a call is left, a wake came after the one that the host saw.
            let before = batch.len();
            queue.drain(9, &mut batch);
            assert_eq!(batch.len(), 2);
            assert!(batch.len() == before || woken.load(Ordering::SeqCst) > seen);
        });
    }

    #[test]
    fn close_races_with_complete_and_reserve() {
        loom::model(|| {
            let queue = Arc::new(Queue::new(|| ()));
            let call = queue.reserve().unwrap();
            assert_eq!(queue.attach(call, 1), None);
            let completes = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || drop(queue.complete(call, "end")))
            };
            let aborts = queue.close();
            completes.join().unwrap();
            assert!(aborts.len() <= 1 && queue.reserve().is_none());
            let mut batch = Vec::new();
            assert!(!queue.drain(9, &mut batch) && batch.is_empty());
        });
    }
}
