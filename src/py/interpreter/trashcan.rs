//! Long chains of our objects go one after the other, as CPython's own containers do: else each would be
//! dropped within the one before, and the C stack would end. CPython does it for classes too, but since 3.13
//! lets more of them lie within each other than our frames leave room for.

use std::any::Any;
use std::cell::{Cell, RefCell};

/// How many lie within each other at most.
const DEEP: u32 = 50;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Drops what an object held: at once, or when all that it lies within has gone.
pub(crate) fn discard(held: impl Any) {
    let depth = DEPTH.get();
    if depth >= DEEP {
        LATER.with(|later| later.borrow_mut().push(Box::new(held)));
        return;
    }
    DEPTH.set(depth + 1);
    drop(held);
    if depth == 0 {
        // Each may leave more.
        while let Some(next) = LATER.with(|later| later.borrow_mut().pop()) {
            drop(next);
        }
    }
    DEPTH.set(depth);
}
