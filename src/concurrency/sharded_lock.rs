//! A value at which many threads look at a time, and that one at a time changes.
//!
//! Each thread looks from a gate of its own, so that two who look write to no memory in common; who changes the value holds all gates.
//! What a look would change is noted at its gate, and taken up before anything else changes.
//!
//! Knows no Python. `tests/schedules` runs it in every order in which threads may take their turns: with `--cfg loom` its cells are loom's.
#![expect(unsafe_code, reason = "cells that the gates guard")]

#[cfg(loom)]
use loom::cell::UnsafeCell;
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Threads beyond that share gates: each gate that is used makes changes dearer.
pub const GATES: usize = 8;

const FREE: u8 = 0;
const TAKEN: u8 = 1;
/// No thread has come to it yet: who changes the value can pass over it.
const UNUSED: u8 = 2;

/// What looks at a value leave behind.
pub trait Noting {
    /// The notes of one gate.
    type Notes: Send;

    /// No notes.
    const NONE: Self::Notes;

    /// Takes up what was noted, and leaves no notes.
    fn take_up(&mut self, notes: &mut Self::Notes);
}

/// As loom's.
#[cfg(not(loom))]
struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    fn with<R>(&self, act: impl FnOnce(*const T) -> R) -> R {
        act(self.0.get())
    }

    fn with_mut<R>(&self, act: impl FnOnce(*mut T) -> R) -> R {
        act(self.0.get())
    }
}

/// Alone in the two lines of memory that processors fetch together.
#[repr(align(128))]
struct Gate<N> {
    state: AtomicU8,
    notes: UnsafeCell<N>,
}

impl<N> Gate<N> {
    /// Takes it, if it is free.
    #[inline]
    fn try_take(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes it, once it is free. It is held for some dozens of nanoseconds, by nobody who waits for anything but other gates.
    fn take(&self) {
        let mut turns = 0_u32;
        while !self.try_take() {
            loop {
                turns += 1;
                pause(turns);
                if self.state.load(Ordering::Relaxed) == FREE {
                    break;
                }
            }
        }
    }

    #[inline]
    fn free(&self) {
        self.state.store(FREE, Ordering::Release);
    }
}

/// Lets a while go by before the next try for what is held for some dozens of nanoseconds. Nobody is parked.
#[cfg(not(loom))]
pub(crate) fn pause(turns: u32) {
    if turns.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
}

#[cfg(loom)]
fn pause(_: u32) {
    loom::thread::yield_now();
}

/// The value.
pub struct Gates<T: Noting> {
    value: UnsafeCell<T>,
    /// A bit for each gate that threads have come to. Changed by who holds the first gate.
    used: AtomicU32,
    all: [Gate<T::Notes>; GATES],
}

// SAFETY: a thread has the value to itself or looks at it beside others, and the notes of a gate it always has to itself.
unsafe impl<T: Noting + Send + Sync> Sync for Gates<T> {}

/// Frees a gate, however that ends for which it was taken.
struct Leave<'a, N>(&'a Gate<N>);

impl<N> Drop for Leave<'_, N> {
    #[inline]
    fn drop(&mut self) {
        self.0.free();
    }
}

/// All gates that are used, taken.
struct All<'a, T: Noting> {
    gates: &'a Gates<T>,
    used: u32,
}

impl<T: Noting> Drop for All<'_, T> {
    fn drop(&mut self) {
        self.gates.each(self.used).for_each(Gate::free);
    }
}

impl<T: Noting> Gates<T> {
    /// A value that nobody has looked at.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        let mut all =
            [const { Gate { state: AtomicU8::new(UNUSED), notes: UnsafeCell::new(T::NONE) } }; GATES];
        all[0].state = AtomicU8::new(FREE);
        Self { value: UnsafeCell::new(value), used: AtomicU32::new(1), all }
    }

    /// A value that nobody has looked at.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        let gate = |number| Gate {
            state: AtomicU8::new(if number == 0 { FREE } else { UNUSED }),
            notes: UnsafeCell::new(T::NONE),
        };
        Self { value: UnsafeCell::new(value), used: AtomicU32::new(1), all: std::array::from_fn(gate) }
    }

    fn each(&self, used: u32) -> impl Iterator<Item = &Gate<T::Notes>> {
        self.all.iter().enumerate().filter(move |(number, _)| used >> number & 1 != 0).map(|(_, gate)| gate)
    }

    /// Looks at the value from a gate, beside those at others. Must not reach for the value again.
    #[inline]
    pub fn look<R>(&self, number: usize, act: impl FnOnce(&T, &mut T::Notes) -> R) -> R {
        let gate = &self.all[number % GATES];
        if !gate.try_take() {
            self.take_or_open(number % GATES);
        }
        let _leave = Leave(gate);
        self.value.with(|value| {
            // SAFETY: who changes the value holds all gates, this one among them; and the notes are those of this gate.
            gate.notes.with_mut(|notes| unsafe { act(&*value, &mut *notes) })
        })
    }

    /// Takes a gate that was not free.
    #[cold]
    fn take_or_open(&self, number: usize) {
        let gate = &self.all[number];
        if gate.state.load(Ordering::Relaxed) == UNUSED {
            // As long as this holds the first gate nobody changes the value, and so nobody passes over this one.
            let first = &self.all[0];
            first.take();
            let _leave = Leave(first);
            let used = self.used.load(Ordering::Relaxed);
            if used >> number & 1 == 0 {
                self.used.store(used | 1 << number, Ordering::Relaxed);
                gate.free();
            }
        }
        gate.take();
    }

    fn take_all(&self) -> All<'_, T> {
        self.all[0].take();
        let used = self.used.load(Ordering::Relaxed);
        self.each(used & !1).for_each(Gate::take);
        All { gates: self, used }
    }

    /// Changes the value, beside nobody, after what was noted is taken up.
    pub fn change<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let all = self.take_all();
        self.value.with_mut(|value| {
            // SAFETY: nobody else holds a gate, nor comes to one that is not used yet while this holds the first.
            let value = unsafe { &mut *value };
            for gate in self.each(all.used) {
                // SAFETY: as above.
                gate.notes.with_mut(|notes| value.take_up(unsafe { &mut *notes }));
            }
            act(value)
        })
    }

    /// Takes up what was noted at one gate. What lies at others stays good, and near the threads that noted it.
    #[cold]
    pub fn settle(&self, number: usize) {
        let _all = self.take_all();
        self.value.with_mut(|value| {
            // SAFETY: as in `change`.
            self.all[number % GATES].notes.with_mut(|notes| unsafe { (*value).take_up(&mut *notes) });
        });
    }
}
