//! A sharded reader-writer lock, with a read buffer in each shard: each reader holds one shard, a writer
//! holds all of them.
//!
//! So two who read write to no memory in common. What a read would change is noted in its shard's buffer
//! instead, and taken over before the next write (as in the cache Caffeine). It knows no Python, so that loom
//! can run it (`tests/schedules`).
#![expect(unsafe_code, reason = "cells that the shards guard")]

use super::primitives::{AtomicU8, AtomicU32, Ordering, UnsafeCell, pause};

/// Threads beyond that share shards: each shard that is used makes writes dearer.
pub const SHARDS: usize = 8;

const FREE: u8 = 0;
const HELD: u8 = 1;
/// No thread has come to it yet: a writer can pass over it.
const UNUSED: u8 = 2;

/// A value whose readers note in buffers what they would change.
pub trait ReadBuffered {
    /// What the readers of one shard have noted.
    type Buffer: Send;

    /// Nothing noted.
    const EMPTY: Self::Buffer;

    /// Takes over what was noted, and empties the buffer.
    fn drain(&mut self, buffer: &mut Self::Buffer);
}

/// One reader's place, alone in the two lines of memory that processors fetch together.
#[repr(align(128))]
struct Shard<N> {
    state: AtomicU8,
    buffer: UnsafeCell<N>,
}

impl<N> Shard<N> {
    /// Locks it, if it is free.
    #[inline]
    fn try_lock(&self) -> bool {
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Locks it, once it is free: a spin lock. It is held for some dozens of nanoseconds, by nobody who waits
    /// for anything but other shards.
    fn lock(&self) {
        let mut turns = 0_u32;
        while !self.try_lock() {
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
    fn unlock(&self) {
        self.state.store(FREE, Ordering::Release);
    }
}

/// A value behind the lock.
pub struct ShardedLock<T: ReadBuffered> {
    value: UnsafeCell<T>,
    /// A bit for each shard that threads have come to. Changed by who holds the first.
    used: AtomicU32,
    all: [Shard<T::Buffer>; SHARDS],
}

// SAFETY: a thread has the value to itself or looks at it beside others, and the buffer of its shard always
// to itself.
unsafe impl<T: ReadBuffered + Send + Sync> Sync for ShardedLock<T> {}

/// Unlocks a shard, however that ends for which it was locked.
struct Release<'a, N>(&'a Shard<N>);

impl<N> Drop for Release<'_, N> {
    #[inline]
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// All shards that are used, locked.
struct AllShards<'a, T: ReadBuffered> {
    shards: &'a ShardedLock<T>,
    used: u32,
}

impl<T: ReadBuffered> Drop for AllShards<'_, T> {
    fn drop(&mut self) {
        self.shards.each(self.used).for_each(Shard::unlock);
    }
}

impl<T: ReadBuffered> ShardedLock<T> {
    /// A value that nobody has looked at.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        let mut all =
            [const { Shard { state: AtomicU8::new(UNUSED), buffer: UnsafeCell::new(T::EMPTY) } }; SHARDS];
        all[0].state = AtomicU8::new(FREE);
        Self { value: UnsafeCell::new(value), used: AtomicU32::new(1), all }
    }

    /// A value that nobody has looked at.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        let shard = |number| Shard {
            state: AtomicU8::new(if number == 0 { FREE } else { UNUSED }),
            buffer: UnsafeCell::new(T::EMPTY),
        };
        Self { value: UnsafeCell::new(value), used: AtomicU32::new(1), all: std::array::from_fn(shard) }
    }

    fn each(&self, used: u32) -> impl Iterator<Item = &Shard<T::Buffer>> {
        self.all.iter().enumerate().filter(move |(number, _)| used >> number & 1 != 0).map(|(_, shard)| shard)
    }

    /// Reads the value beside readers of other shards. Must not reach for the value again.
    #[inline]
    pub fn read<R>(&self, number: usize, act: impl FnOnce(&T, &mut T::Buffer) -> R) -> R {
        let shard = &self.all[number % SHARDS];
        if !shard.try_lock() {
            self.lock_or_open(number % SHARDS);
        }
        let _release = Release(shard);
        self.value.with(|value| {
            // SAFETY: a writer holds all shards, this one among them; and the buffer is this shard's.
            shard.buffer.with_mut(|buffer| unsafe { act(&*value, &mut *buffer) })
        })
    }

    /// Locks a shard that was not free.
    #[cold]
    fn lock_or_open(&self, number: usize) {
        let shard = &self.all[number];
        if shard.state.load(Ordering::Relaxed) == UNUSED {
            // As long as this holds the first shard nobody changes the value, and so nobody passes over this
            // one.
            let first = &self.all[0];
            first.lock();
            let _release = Release(first);
            let used = self.used.load(Ordering::Relaxed);
            if used >> number & 1 == 0 {
                self.used.store(used | 1 << number, Ordering::Relaxed);
                shard.unlock();
            }
        }
        shard.lock();
    }

    fn lock_all(&self) -> AllShards<'_, T> {
        self.all[0].lock();
        let used = self.used.load(Ordering::Relaxed);
        self.each(used & !1).for_each(Shard::lock);
        AllShards { shards: self, used }
    }

    /// Writes, alone, after what readers have noted is taken over.
    pub fn write<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let all = self.lock_all();
        self.value.with_mut(|value| {
            // SAFETY: nobody else holds a shard, nor comes to one that is not used yet while this holds the
            // first.
            let value = unsafe { &mut *value };
            for shard in self.each(all.used) {
                // SAFETY: as above.
                shard.buffer.with_mut(|buffer| value.drain(unsafe { &mut *buffer }));
            }
            act(value)
        })
    }

    /// Takes over what was noted in one shard. What lies in others stays good, and near the threads that
    /// noted it.
    #[cold]
    pub fn drain_one(&self, number: usize) {
        let _all = self.lock_all();
        self.value.with_mut(|value| {
            // SAFETY: as in `write`.
            self.all[number % SHARDS].buffer.with_mut(|buffer| unsafe { (*value).drain(&mut *buffer) });
        });
    }
}
