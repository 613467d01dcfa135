//! Handles: numbers that stand for what hosts may hold, and are checked each time that they come back.

use std::sync::{PoisonError, RwLock};

/// The bits of a handle, from the lowest: index, generation, kind. A generation is never used up: at a million a second
/// that would take 19 hours of one slot alone, and the slot then rests.
const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 36;
const KIND_SHIFT: u32 = INDEX_BITS + GENERATION_BITS;

/// What handles of one kind stand for. 0 is nobody's.
pub(crate) struct Handles<T> {
    kind: u64,
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    generation: u64,
    value: Option<T>,
}

impl<T> Handles<T> {
    /// `kind`: from 1 to 15, another for each kind, so that none passes for one of another kind.
    pub(crate) const fn new(kind: u64) -> Self {
        Self { kind, slots: RwLock::new(Slots { all: Vec::new(), free: Vec::new() }) }
    }

    /// A handle for `value`. None when there are sixteen million already.
    pub(crate) fn put(&self, value: T) -> Option<u64> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let index = match slots.free.pop() {
            Some(index) => index,
            None if slots.all.len() >> INDEX_BITS == 0 => {
                slots.all.push(Slot { generation: 1, value: None });
                slots.all.len().checked_sub(1)?
            }
            None => return None,
        };
        let slot = slots.all.get_mut(index)?;
        slot.value = Some(value);
        Some((self.kind << KIND_SHIFT) | (slot.generation << INDEX_BITS) | u64::try_from(index).ok()?)
    }

    /// What it stands for.
    pub(crate) fn get(&self, handle: u64) -> Option<T>
    where
        T: Clone,
    {
        let (index, generation) = self.parts(handle)?;
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.all.get(index).filter(|slot| slot.generation == generation)?;
        slot.value.clone()
    }

    /// Takes back what it stood for; from then on it stands for nothing.
    pub(crate) fn take(&self, handle: u64) -> Option<T> {
        let (index, generation) = self.parts(handle)?;
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.all.get_mut(index).filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        let next = slot.generation.saturating_add(1);
        if next >> GENERATION_BITS == 0 {
            slot.generation = next;
            slots.free.push(index);
        }
        Some(value)
    }

    fn parts(&self, handle: u64) -> Option<(usize, u64)> {
        let index = handle & ((1 << INDEX_BITS) - 1);
        let generation = (handle >> INDEX_BITS) & ((1 << GENERATION_BITS) - 1);
        (handle >> KIND_SHIFT == self.kind).then_some((usize::try_from(index).ok()?, generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_taken_back_once() {
        let (texts, others) = (Handles::new(1), Handles::new(2));
        let first = texts.put("a").unwrap();
        let other = others.put("b").unwrap();
        assert_eq!((texts.get(first), texts.get(other), others.get(first)), (Some("a"), None, None));
        assert_eq!((texts.take(first), texts.take(first), texts.get(first)), (Some("a"), None, None));
        let second = texts.put("c").unwrap();
        assert_ne!(first, second, "the slot is used again, the handle is not");
        assert_eq!((texts.get(first), texts.take(first), texts.get(second)), (None, None, Some("c")));
        for nobodys in [0, 1, u64::MAX, second ^ 1, second ^ (1 << 63), second ^ (1 << 30)] {
            assert_eq!((texts.get(nobodys), texts.take(nobodys)), (None, None), "{nobodys:x}");
        }
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_rests() {
        let texts = Handles::new(1);
        let first = texts.put("a").unwrap();
        texts.slots.write().unwrap().all[0].generation = (1 << GENERATION_BITS) - 1;
        let last = first | (((1 << GENERATION_BITS) - 1) << INDEX_BITS);
        assert_eq!(texts.take(last), Some("a"));
        assert_eq!((texts.take(last), texts.put("b").unwrap() & 0xff), (None, 1), "another slot");
    }
}
