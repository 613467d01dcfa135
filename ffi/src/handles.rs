//! [`HandleMap`]: numbers for the objects that hosts hold, checked on every use.

use std::sync::{PoisonError, RwLock};

/// The parts of a handle, from the lowest bit: index, generation, kind. At a million reuses per second a slot's generations
/// last 19 hours; the slot is then retired.
const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 36;
const KIND_SHIFT: u32 = INDEX_BITS + GENERATION_BITS;

/// The objects of one kind, by handle. 0 is never a handle.
///
/// The crate `slotmap` has neither kinds nor retired slots: an old handle would be valid again after 2³¹ reuses.
pub(crate) struct HandleMap<T> {
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

impl<T> HandleMap<T> {
    /// Creates an empty map. `kind` is from 1 to 15 and differs for each map, so that a handle is valid in one map only.
    pub(crate) const fn new(kind: u64) -> Self {
        Self { kind, slots: RwLock::new(Slots { all: Vec::new(), free: Vec::new() }) }
    }

    /// Adds an object and returns its handle, or `None` if there are sixteen million already.
    pub(crate) fn insert(&self, value: T) -> Option<u64> {
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

    /// Returns a clone of the object.
    pub(crate) fn get(&self, handle: u64) -> Option<T>
    where
        T: Clone,
    {
        let (index, generation) = self.index_and_generation(handle)?;
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.all.get(index).filter(|slot| slot.generation == generation)?;
        slot.value.clone()
    }

    /// Removes and returns the object. The handle is invalid from then on.
    pub(crate) fn remove(&self, handle: u64) -> Option<T> {
        let (index, generation) = self.index_and_generation(handle)?;
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

    fn index_and_generation(&self, handle: u64) -> Option<(usize, u64)> {
        let index = handle & ((1 << INDEX_BITS) - 1);
        let generation = (handle >> INDEX_BITS) & ((1 << GENERATION_BITS) - 1);
        (handle >> KIND_SHIFT == self.kind).then_some((usize::try_from(index).ok()?, generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_can_be_removed_once() {
        let (texts, others) = (HandleMap::new(1), HandleMap::new(2));
        let first = texts.insert("a").unwrap();
        let other = others.insert("b").unwrap();
        assert_eq!((texts.get(first), texts.get(other), others.get(first)), (Some("a"), None, None));
        assert_eq!((texts.remove(first), texts.remove(first), texts.get(first)), (Some("a"), None, None));
        let second = texts.insert("c").unwrap();
        assert_ne!(first, second, "the slot is reused, the handle is not");
        assert_eq!((texts.get(first), texts.remove(first), texts.get(second)), (None, None, Some("c")));
        for invalid in [0, 1, u64::MAX, second ^ 1, second ^ (1 << 63), second ^ (1 << 30)] {
            assert_eq!((texts.get(invalid), texts.remove(invalid)), (None, None), "{invalid:x}");
        }
    }

    #[test]
    fn exhausted_slot_is_retired() {
        let texts = HandleMap::new(1);
        let first = texts.insert("a").unwrap();
        texts.slots.write().unwrap().all[0].generation = (1 << GENERATION_BITS) - 1;
        let last = first | (((1 << GENERATION_BITS) - 1) << INDEX_BITS);
        assert_eq!(texts.remove(last), Some("a"));
        assert_eq!((texts.remove(last), texts.insert("b").unwrap() & 0xff), (None, 1), "another slot");
    }
}
