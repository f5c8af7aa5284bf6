//! A wait-for graph: which runs tasks wait for that are part of runs themselves, so that a wait which would
//! close a circle is not begun.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use pyo3::prelude::*;

use crate::py::flight::enclosing_runs::EnclosingRuns;
use crate::py::flight::wait::Flight;
use crate::py::interpreter::critical_section::Guarded;

/// Waits for one run, by the innermost run that each is part of; how many there are of each.
struct Waits {
    on: Flight,
    inside: HashMap<usize, (EnclosingRuns, usize)>,
}

/// By the run that is waited for.
static WAITS: LazyLock<Guarded<HashMap<usize, Waits>>> = LazyLock::new(|| Guarded::new(HashMap::new()));

/// The innermost run.
fn innermost(inside: &EnclosingRuns) -> usize {
    inside.addresses().next().unwrap_or_default()
}

/// Notes that a task which is part of a run begins to wait for another.
pub(crate) fn begin(py: Python<'_>, inside: &EnclosingRuns, on: &Flight) {
    WAITS.with(py, |waits| {
        let waits =
            waits.entry(on.address()).or_insert_with(|| Waits { on: on.clone(), inside: HashMap::new() });
        waits.inside.entry(innermost(inside)).or_insert_with(|| (inside.clone(), 0)).1 += 1;
    });
}

/// Notes that it waits no more.
pub(crate) fn end(py: Python<'_>, inside: &EnclosingRuns, on: &Flight) {
    let ended = WAITS.with(py, |all| {
        let waits = all.get_mut(&on.address())?;
        let wait = waits.inside.get_mut(&innermost(inside))?;
        wait.1 -= 1;
        if wait.1 > 0 {
            return None;
        }
        let nest = waits.inside.remove(&innermost(inside));
        let empty = if waits.inside.is_empty() { all.remove(&on.address()) } else { None };
        Some((nest, empty))
    });
    drop(ended);
}

/// Whether a run waits, over any number of others, for one of those that the running code is part of.
pub(crate) fn closes_a_circle(py: Python<'_>, flight: &Flight, inside: &EnclosingRuns) -> bool {
    WAITS.with(py, |waits| {
        // From the running code backwards, to whoever waits for what it is part of: that is those that the
        // waiting code is part of.
        let (mut reached, mut next) = (HashSet::new(), Vec::new());
        let mut reach = |nest: &EnclosingRuns, next: &mut Vec<usize>| {
            for address in nest.addresses() {
                if !reached.insert(address) {
                    // And so are those around it.
                    break;
                }
                next.push(address);
            }
            reached.contains(&flight.address())
        };
        let mut closed = reach(inside, &mut next);
        while let Some(address) = next.pop().filter(|_| !closed) {
            let waits = waits.get(&address).filter(|waits| waits.on.goes_on());
            closed = waits
                .into_iter()
                .flat_map(|waits| waits.inside.values())
                .any(|(nest, _)| reach(nest, &mut next));
        }
        closed
    })
}
