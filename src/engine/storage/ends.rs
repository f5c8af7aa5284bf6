//! When entries end: a queue of them by time, so that what has ended is found at amortised O(1), whatever
//! else is stored.
//!
//! Nothing is taken out of the queue before its time. What it names may have left by then, or its life may
//! have begun anew, which is noted again, so whoever takes something out looks whether it is meant.

use crate::engine::clock::Nanos;
use crate::engine::order::Ticket;
use crate::engine::tables::index::Slot;
use crate::engine::tables::radix_heap::RadixHeap;

/// More than so many are looked through for those that have left.
const FEW: usize = 64;

/// An entry: where it lies, and by the lower half of the ticket under which it was stored whether it is that
/// one still.
#[derive(Clone, Copy)]
struct Named {
    slot: Slot,
    stored: u32,
}

impl Named {
    #[expect(clippy::cast_possible_truncation, reason = "one in 2^32 that come to a slot has the same name")]
    fn new(slot: Slot, stored: Ticket) -> Self {
        Self { slot, stored: stored as u32 }
    }
}

/// When the entries of a function end, if they do.
#[derive(Default)]
pub(crate) struct Ends(Option<RadixHeap<Named>>);

impl Ends {
    /// Notes that the entry which was stored then in a slot ends `at` that time.
    pub(crate) fn note(&mut self, slot: Slot, stored: Ticket, at: Nanos) {
        self.0.get_or_insert_default().push(at, Named::new(slot, stored));
    }

    /// What was noted to end first, if that is by now: where it lies, and whether an entry that was stored
    /// then and ends at that time is meant. It is not, if what was meant has left or its life has begun anew.
    pub(crate) fn next(&mut self, now: Nanos) -> Option<(Slot, impl Fn(Ticket, Nanos) -> bool + use<>)> {
        let (at, named) = self.0.as_mut()?.pop(now)?;
        Some((named.slot, move |stored, end| {
            end == at && Named::new(named.slot, stored).stored == named.stored
        }))
    }

    /// How many are noted.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, RadixHeap::len)
    }

    /// Whether most of what is noted has left, where so many entries are stored.
    pub(crate) fn are_mostly_of_the_gone(&self, len: usize) -> bool {
        self.0.as_ref().is_some_and(|heap| heap.len() > FEW + 2 * len)
    }
}
