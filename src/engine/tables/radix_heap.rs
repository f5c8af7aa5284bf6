//! A radix heap: a queue by time that is cheap because time only moves on.
//!
//! What is due later lies in the bucket of the highest bit in which its time differs from the time reached.
//! When that comes to a bucket, all of it is told apart by lower bits, so a thing moves at most once for each
//! bit of a time, however many others there are. Ahuja, Mehlhorn, Orlin and Tarjan, "Faster Algorithms for
//! the Shortest Path Problem", 1990; a hierarchical timing wheel (Varghese and Lauck, 1987) with two slots a
//! wheel.

use std::collections::VecDeque;

use crate::engine::clock::Nanos;

/// One for each bit.
const BUCKETS: usize = 64;

/// Things, each with the time at which it is due.
pub(crate) struct RadixHeap<T> {
    /// What is due at the time reached or before, in order.
    due: VecDeque<(Nanos, T)>,
    /// What is due later, by the highest bit in which its time differs from the time reached.
    buckets: Box<[Vec<(Nanos, T)>; BUCKETS]>,
    reached: Nanos,
    /// Nothing in a bucket is due before.
    next: Nanos,
    len: usize,
}

impl<T> Default for RadixHeap<T> {
    fn default() -> Self {
        let buckets = Box::new([const { Vec::new() }; BUCKETS]);
        Self { due: VecDeque::new(), buckets, reached: 0, next: Nanos::MAX, len: 0 }
    }
}

impl<T> RadixHeap<T> {
    /// How many things there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a thing that is due then.
    pub(crate) fn push(&mut self, at: Nanos, thing: T) {
        self.len += 1;
        self.next = self.next.min(at);
        self.place(at, thing);
    }

    fn place(&mut self, at: Nanos, thing: T) {
        match (at ^ self.reached).checked_ilog2() {
            Some(bit) if at > self.reached => self.buckets[bit as usize].push((at, thing)),
            _ => {
                let place = self.due.partition_point(|(other, _)| *other <= at);
                self.due.insert(place, (at, thing));
            }
        }
    }

    /// Takes the thing out that is due first, if it is by now; of those that are at the same time, the one
    /// that came first.
    pub(crate) fn pop(&mut self, now: Nanos) -> Option<(Nanos, T)> {
        if now < self.reached {
            self.turn_back(now);
        }
        if self.due.is_empty() && self.next <= now {
            self.move_on(now);
        }
        let first = self.due.pop_front();
        self.len -= usize::from(first.is_some());
        first
    }

    /// Moves the time reached on to when something is due, if that is by now.
    fn move_on(&mut self, now: Nanos) {
        // The lowest bit in which any differs from the time reached: all others are due later.
        let bucket = self.buckets.iter_mut().find(|bucket| !bucket.is_empty());
        self.next =
            bucket.iter().flat_map(|bucket| bucket.iter()).map(|(at, _)| *at).min().unwrap_or(Nanos::MAX);
        if let Some(bucket) = bucket.filter(|_| self.next <= now) {
            let things = std::mem::take(bucket);
            self.reached = self.next;
            for (at, thing) in things {
                self.place(at, thing);
            }
        }
    }

    /// The clock shows less than before: a test has put another in its place.
    fn turn_back(&mut self, now: Nanos) {
        let due = std::mem::take(&mut self.due);
        let later: Vec<_> = self.buckets.iter_mut().flat_map(std::mem::take).collect();
        (self.reached, self.next) = (now, 0);
        for (at, thing) in due.into_iter().chain(later) {
            self.place(at, thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nanos;
    use super::RadixHeap;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        *state >> 33
    }

    /// All that is due by now, in the order in which it comes.
    fn due<T>(heap: &mut RadixHeap<T>, now: Nanos) -> Vec<T> {
        std::iter::from_fn(|| heap.pop(now)).map(|(_, thing)| thing).collect()
    }

    /// Against a list, which is sorted by time and then by who came first.
    #[test]
    fn what_is_due_comes_in_order() {
        let (mut heap, mut waiting, mut now, mut seed) = (RadixHeap::default(), Vec::new(), 0, 1);
        for came in 0..20_000 {
            match random(&mut seed) % 4 {
                0 | 1 => {
                    let later = random(&mut seed) % (1 << (random(&mut seed) % 40));
                    let at = (now + later).saturating_sub(random(&mut seed) % 8);
                    heap.push(at, (at, came));
                    waiting.push((at, came));
                }
                2 => now += random(&mut seed) % (1 << (random(&mut seed) % 36)),
                _ => {
                    waiting.sort_unstable();
                    let later = waiting.split_off(waiting.partition_point(|(at, _)| *at <= now));
                    assert_eq!(due(&mut heap, now), waiting, "at {now}");
                    waiting = later;
                }
            }
            assert_eq!(heap.len(), waiting.len());
        }
        assert_eq!(due(&mut heap, Nanos::MAX).len(), waiting.len());
        assert_eq!(heap.len(), 0);
    }

    #[test]
    fn what_was_due_before_it_came_is_due_at_once() {
        let mut heap = RadixHeap::default();
        heap.push(100, 100);
        assert_eq!(due(&mut heap, 200), [100]);
        heap.push(50, 50);
        assert_eq!(due(&mut heap, 200), [50]);
    }

    #[test]
    fn a_clock_that_is_put_back_finds_the_same_order() {
        let mut heap = RadixHeap::default();
        for at in [300, 5_000, 7_000] {
            heap.push(at, at);
        }
        assert_eq!(due(&mut heap, 5_500), [300, 5_000]);
        for at in [40, 60] {
            heap.push(at, at);
        }
        assert_eq!(due(&mut heap, 50), [40]);
        assert_eq!(due(&mut heap, 6_999), [60]);
        assert_eq!(due(&mut heap, 7_000), [7_000]);
    }
}
