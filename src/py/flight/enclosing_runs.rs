//! The runs that code is part of, the innermost first: a list that grows at its head and shares its tail,
//! however deep they are nested.

use std::sync::{Arc, Weak};

use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;

use super::wait::{Flight, Run};
use crate::py::interpreter::{fallible, recursion};

/// From how many on those that are over are left out, and at each twice as many.
const DEEP: usize = 64;

/// Runs that code is part of.
#[derive(Clone)]
pub(crate) struct EnclosingRuns(Arc<Node>);

struct Node {
    run: Weak<Run>,
    /// How many there are, some of which may be over.
    depth: usize,
    around: Option<EnclosingRuns>,
}

/// One after the other, however long the list is.
impl Drop for Node {
    fn drop(&mut self) {
        let mut around = self.around.take();
        while let Some(mut node) = around.and_then(|nest| Arc::into_inner(nest.0)) {
            around = node.around.take();
        }
    }
}

impl EnclosingRuns {
    /// A run, and those around it. Now and then those that are over are left out, so that the list is not
    /// much longer than what runs.
    pub(crate) fn new(run: &Flight, around: Option<Self>) -> Self {
        let around = match around {
            Some(around) if around.0.depth >= DEEP && around.0.depth.is_power_of_two() => around.thinned(),
            around => around,
        };
        Self::of(run.weak(), around)
    }

    fn of(run: Weak<Run>, around: Option<Self>) -> Self {
        let depth = around.as_ref().map_or(0, |around| around.0.depth) + 1;
        Self(Arc::new(Node { run, depth, around }))
    }

    /// Those of them that are going on.
    fn thinned(&self) -> Option<Self> {
        let going: Vec<_> =
            self.iter().filter(|run| Flight::of(run).is_some_and(|run| run.goes_on())).collect();
        going.into_iter().rev().fold(None, |around, run| Some(Self::of(run.clone(), around)))
    }

    fn iter(&self) -> impl Iterator<Item = &Weak<Run>> {
        std::iter::successors(Some(self), |nest| nest.0.around.as_ref()).map(|nest| &nest.0.run)
    }

    /// Where they lie, the innermost first.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = usize> {
        self.iter().map(|run| run.as_ptr().addr())
    }

    /// Whether a run is one of them.
    pub(crate) fn contains(&self, run: &Flight) -> bool {
        self.addresses().any(|address| address == run.address())
    }

    /// Whether more than so many of them are going on.
    pub(crate) fn is_deeper_than(&self, limit: usize) -> bool {
        self.0.depth > limit && self.thinned().is_some_and(|nest| nest.0.depth > limit)
    }
}

/// Raises an error where code is part of more runs of tasks than the interpreter allows nested calls: each
/// has a stack of its own, so that nothing else would end a coroutine function that awaits itself.
pub(crate) fn check_depth(py: Python<'_>, inside: Option<&EnclosingRuns>) -> PyResult<()> {
    if inside.is_some_and(|inside| inside.is_deeper_than(recursion::limit(py))) {
        return Err(fallible::error::<PyRecursionError>(
            py,
            "maximum recursion depth exceeded in a cached coroutine function",
        ));
    }
    Ok(())
}
