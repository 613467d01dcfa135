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

    /// Ends a call: what it ended in waits to be drained, unless it was cancelled. Where the host must be woken for it,
    /// that happens when what comes back is dropped: at once, or after others that may end in the same moment.
    pub(crate) fn finish(&self, call: CallId, end: T) -> Option<Ring<'_, T, A>> {
        // What is dropped is dropped after the lock is open: it can be large.
        let (wake, _dropped) = self.with(|state| match state.take(call) {
            Some(abort) if !state.closed => {
                let wake = state.done.is_empty().then(|| state.in_flight() > 0);
                state.done.push_back((call, end));
                (wake, (abort, None))
            }
            gone => (None, (gone.flatten(), Some(end))),
        });
        wake.map(|others| Ring { queue: self, others })
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

    /// Whether it refuses new calls, and none will end in it any more.
    pub fn is_closed(&self) -> bool {
        self.with(|state| state.closed)
    }

    /// How many calls have neither ended nor been cancelled.
    pub fn in_flight(&self) -> usize {
        self.with(|state| state.in_flight())
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

/// Wakes the host when it is dropped: however it goes, nobody is left waiting.
pub(crate) struct Ring<'a, T, A> {
    queue: &'a Queue<T, A>,
    /// Whether other calls are in flight.
    pub(crate) others: bool,
}

impl<T, A> Drop for Ring<'_, T, A> {
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

    fn drained(queue: &Queue<&'static str, u8>, most: usize) -> (Vec<(CallId, &'static str)>, bool) {
        let mut batch = Vec::new();
        let more = queue.drain(most, &mut batch);
        (batch, more)
    }

    #[test]
    fn one_wake_for_a_batch() {
        let (queue, woken) = queue();
        let calls: Vec<_> = (0..3).map(|_| queue.begin().unwrap()).collect();
        for call in &calls {
            assert_eq!(queue.spawned(*call, 7), None);
        }
        assert_eq!(queue.in_flight(), 3);
        drop(queue.finish(calls[2], "c"));
        drop(queue.finish(calls[0], "a"));
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(drained(&queue, 1), (vec![(calls[2], "c")], true));
        drop(queue.finish(calls[1], "b"));
        assert_eq!(woken.load(Ordering::Relaxed), 1, "not empty yet: whoever drains goes on");
        assert_eq!(drained(&queue, 9), (vec![(calls[0], "a"), (calls[1], "b")], false));
        assert_eq!((drained(&queue, 9), queue.in_flight()), ((vec![], false), 0));
        let call = queue.begin().unwrap();
        let ring = queue.finish(call, "d").unwrap();
        assert_eq!((ring.others, woken.load(Ordering::Relaxed)), (false, 1), "not before the ring is dropped");
        drop(ring);
        assert_eq!(woken.load(Ordering::Relaxed), 2);
        drained(&queue, 9);
        let calls: Vec<_> = (0..2).map(|_| queue.begin().unwrap()).collect();
        assert!(queue.finish(calls[0], "e").is_some_and(|ring| ring.others));
    }

    #[test]
    fn an_old_id_is_nobodys() {
        let (queue, woken) = queue();
        let old = queue.begin().unwrap();
        assert_eq!(queue.spawned(old, 1), None);
        assert_eq!(queue.cancel(old), Some(Some(1)));
        let new = queue.begin().unwrap();
        assert_ne!(old, new);
        assert_eq!(parts(old).1, parts(new).1, "the slot is used again");
        assert_eq!(queue.cancel(old), None);
        assert_eq!(queue.spawned(old, 2), Some(2));
        drop(queue.finish(old, "late"));
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        assert_eq!(queue.cancel(new), Some(None), "before it was spawned");
        assert_eq!(queue.spawned(new, 3), Some(3));
        for nobodys in [0xffff_ffff, u64::MAX, 1 << 40] {
            assert_eq!(queue.cancel(nobodys), None);
            drop(queue.finish(nobodys, "nobody's"));
        }
        assert_eq!(drained(&queue, 9), (vec![], false));
    }

    #[test]
    fn a_closed_queue_forgets_all() {
        let (queue, woken) = queue();
        let calls: Vec<_> = (0..4).map(|_| queue.begin().unwrap()).collect();
        for call in &calls[..3] {
            assert_eq!(queue.spawned(*call, 5), None);
        }
        drop(queue.finish(calls[0], "ended"));
        assert_eq!(queue.close(), [5, 5]);
        assert_eq!(queue.begin(), None);
        assert_eq!(queue.spawned(calls[3], 6), Some(6));
        drop(queue.finish(calls[1], "late"));
        assert_eq!(drained(&queue, 9), (vec![], false));
        assert_eq!((woken.load(Ordering::Relaxed), queue.in_flight()), (1, 0));
        assert!(queue.close().is_empty());
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_rests() {
        let (queue, _) = queue();
        let first = queue.begin().unwrap();
        queue.with(|state| state.slots[0].generation = u32::MAX);
        let last = id(u32::MAX, parts(first).1);
        assert_eq!(queue.cancel(last), Some(None));
        assert_eq!(queue.begin().map(parts), Some((0, 1)), "another slot");
    }
}

/// Every order in which threads can meet in the queue, by loom: `make loom`.
#[cfg(all(test, feature = "model-check"))]
mod models {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    #[test]
    fn a_call_ends_once_or_was_cancelled() {
        loom::model(|| {
            let queue = Arc::new(Queue::new(|| ()));
            let call = queue.begin().unwrap();
            let ends = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || drop(queue.finish(call, "end")))
            };
            // As `submit` does: the call may have ended before it is known what aborts it.
            let late = queue.spawned(call, "abort");
            let cancelled = queue.cancel(call);
            ends.join().unwrap();
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
                    let (queue, call) = (Arc::clone(&queue), queue.begin().unwrap());
                    thread::spawn(move || drop(queue.finish(call, n)))
                })
                .collect();
            let mut batch = Vec::new();
            let seen = woken.load(Ordering::SeqCst);
            queue.drain(9, &mut batch);
            for thread in threads {
                thread.join().unwrap();
            }
            // A host that drains when it is woken: if anything is left, a wake came after the one it had seen.
            let before = batch.len();
            queue.drain(9, &mut batch);
            assert_eq!(batch.len(), 2);
            assert!(batch.len() == before || woken.load(Ordering::SeqCst) > seen);
        });
    }

    #[test]
    fn close_and_finish_and_begin_meet() {
        loom::model(|| {
            let queue = Arc::new(Queue::new(|| ()));
            let call = queue.begin().unwrap();
            assert_eq!(queue.spawned(call, 1), None);
            let ends = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || drop(queue.finish(call, "end")))
            };
            let aborts = queue.close();
            ends.join().unwrap();
            assert!(aborts.len() <= 1 && queue.begin().is_none());
            let mut batch = Vec::new();
            assert!(!queue.drain(9, &mut batch) && batch.is_empty());
        });
    }
}
