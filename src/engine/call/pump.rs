//! The loop that drives a call: an event goes in, a step comes out and is carried out.

use std::ops::ControlFlow;

use crate::engine::call::plan::Plan;
use crate::engine::call::protocol::{Event, NextStep};
use crate::engine::session::audience::SessionHost;

/// Drives a call: `enter` takes its next step inside of the critical section, `carry_out` does what that
/// says.
pub fn pump<H: SessionHost, S>(
    plan: &mut Plan<H>,
    mut event: Event<H>,
    mut enter: impl FnMut(&mut Plan<H>) -> NextStep<H>,
    mut carry_out: impl FnMut(&mut Plan<H>, NextStep<H>) -> ControlFlow<S, Event<H>>,
) -> S {
    loop {
        plan.take(event);
        let step = enter(plan);
        match carry_out(plan, step) {
            ControlFlow::Continue(next) => event = next,
            ControlFlow::Break(end) => return end,
        }
    }
}
