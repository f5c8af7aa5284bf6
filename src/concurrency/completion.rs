//! A completion: one event that ends with a value, for which threads sleep (a mutex and a condition variable)
//! and tasks leave a callback.
//!
//! Every waiter learns of the end exactly once: who comes after it is told at once, and a callback is handed
//! to the one who ends it. It knows no Python, so that loom can run it (`tests/schedules`).

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::primitives::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

/// What its lock guards.
struct Progress<E, C, T> {
    /// Whether it has ended.
    over: bool,
    /// How, until all have looked.
    end: Option<E>,
    /// Handed out once it has ended, by the number of the wait: there may be as many as tasks.
    callbacks: Option<BTreeMap<u64, C>>,
    /// How many threads sleep: to wake nobody would be a call of the system for nothing, at the end of each
    /// run.
    sleepers: usize,
    /// How many tasks wait, and how many have begun to.
    tasks: usize,
    joined: u64,
    /// The task that runs it.
    task: Option<T>,
}

/// A run until it ends with an `E`. Tasks that wait leave a callback `C`; a task `T` may be what runs it.
pub struct Completion<E, C, T> {
    /// Whether it is going on, for those who may not wait for the lock.
    going: AtomicBool,
    state: Mutex<Progress<E, C, T>>,
    ended: Condvar,
}

impl<E, C, T> Default for Completion<E, C, T> {
    fn default() -> Self {
        Self {
            going: AtomicBool::new(true),
            state: Mutex::new(Progress {
                over: false,
                end: None,
                callbacks: None,
                sleepers: 0,
                tasks: 0,
                joined: 0,
                task: None,
            }),
            ended: Condvar::new(),
        }
    }
}

impl<E, C, T> Completion<E, C, T> {
    #[cfg_attr(
        not(loom),
        expect(
            clippy::disallowed_methods,
            reason = "held for a moment, by nobody who waits for anything else"
        )
    )]
    fn lock(&self) -> MutexGuard<'_, Progress<E, C, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is going on. Never waits.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.going.load(Ordering::Acquire)
    }

    /// Ends it, unless it has ended, and wakes a thread that waits, which wakes the next. The callbacks are
    /// for the caller to call; nobody else gets them.
    #[must_use]
    pub fn end(&self, how: E) -> Vec<C> {
        if !self.going.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let mut state = self.lock();
        (state.over, state.end) = (true, Some(how));
        let (callbacks, task) = (state.callbacks.take(), state.task.take());
        let wakes = state.sleepers > 0;
        drop(state);
        if wakes {
            self.ended.notify_one();
        }
        // Only now: a destructor may run foreign code.
        drop(task);
        callbacks.map_or_else(Vec::new, |callbacks| callbacks.into_values().collect())
    }

    /// Lets this thread wait for the end, for at most `span` and sometimes less. Returns whether it is still
    /// going on. If not, the thread has to [`Completion::pass_on`].
    #[must_use]
    pub fn wait(&self, span: Duration) -> bool {
        let mut state = self.lock();
        if !state.over {
            state.sleepers += 1;
            state = self.ended.wait_timeout(state, span).unwrap_or_else(PoisonError::into_inner).0;
            state.sleepers -= 1;
        }
        !state.over
    }

    /// Wakes the next thread that waits. If all woke at once they would only wait again, for the interpreter.
    pub fn pass_on(&self) {
        self.ended.notify_one();
    }

    /// Looks at how it ended, if it has.
    pub fn look<R>(&self, look: impl FnOnce(Option<&E>) -> R) -> R {
        look(self.lock().end.as_ref())
    }

    /// Lets a task wait: whoever ends it gets `callback`. Returns the number of the wait, unless it is over.
    #[must_use]
    pub fn on_end(&self, callback: C) -> Option<u64> {
        let mut state = self.lock();
        if state.over {
            return None;
        }
        let number = state.joined;
        state.callbacks.get_or_insert_default().insert(number, callback);
        state.joined += 1;
        state.tasks += 1;
        Some(number)
    }

    /// Whether tasks wait for the end, or have still to look at it.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        self.lock().tasks > 0
    }

    /// Notes that a task runs it.
    pub fn runs_in(&self, task: T) {
        let mut state = self.lock();
        if !state.over {
            state.task = Some(task);
        }
    }

    /// Shows all that it holds, without a wait that could last: the lock is held for a moment at a time.
    pub fn trace<R>(
        &self,
        show: impl FnOnce(Option<&E>, &mut dyn Iterator<Item = &C>, Option<&T>) -> R,
    ) -> R {
        let state = self.lock();
        let mut callbacks = state.callbacks.iter().flat_map(BTreeMap::values);
        show(state.end.as_ref(), &mut callbacks, state.task.as_ref())
    }

    /// Ends the wait of a task, which has looked at the end. What was kept for it and is to be dropped; and
    /// the task that runs it, if it goes on and no task waits for it any more.
    #[must_use]
    pub fn leave(&self, number: u64) -> (Option<C>, Option<E>, Option<T>) {
        let mut state = self.lock();
        let callback = state.callbacks.as_mut().and_then(|callbacks| callbacks.remove(&number));
        state.tasks -= 1;
        if state.tasks > 0 {
            return (callback, None, None);
        }
        // An exception that stayed here would keep what its traceback refers to, this among it.
        (callback, state.end.take(), if state.over { None } else { state.task.take() })
    }
}
