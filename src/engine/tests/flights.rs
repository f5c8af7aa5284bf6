//! Computations that others wait for, on a host without Python, interleaved by hand.

use std::ops::ControlFlow::{Break, Continue};
use std::rc::Rc;

use crate::engine::call::plan::Plan;
use crate::engine::call::policy::Wish;
use crate::engine::call::protocol::{Event, Step};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::order;
use crate::engine::session::answers::Scope;
use crate::engine::storage::deferred_drops::DeferredDrops;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, Run, Session, drive, enter, made, probe};

fn store(maxsize: Option<usize>) -> FunctionCache<Fake> {
    FunctionCache::new(Terms { maxsize, ..Terms::default() }, ())
}

/// A caller that has asked and saw `version`.
struct Caller {
    plan: Plan<Fake>,
    session: Option<Rc<Session>>,
    version: u32,
}

/// What a caller does now.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Wait,
    Compute,
    Done(u32),
}

impl Caller {
    fn new(version: u32, session: Option<Rc<Session>>) -> Self {
        Self {
            plan: Plan::new(probe(1), None, Scope::default(), None, (), Wish::default()),
            session,
            version,
        }
    }

    fn next(&mut self, cache: &mut FunctionCache<Fake>) -> (Does, Option<Run>) {
        let version = self.version;
        drive(cache, self.session.as_ref(), &mut self.plan, Event::Ready, |step| match step {
            Step::Ask(_) => Continue(Event::Observed(Number::new(version), Vec::new())),
            Step::Wait(run) => Break((Does::Wait, Some(run))),
            Step::Compute(run) => Break((Does::Compute, Some(run))),
            Step::Done(served) => Break((Does::Done(served.value.get()), None)),
            _ => panic!("no such terms"),
        })
    }

    fn is(&mut self, cache: &mut FunctionCache<Fake>, does: Does) -> Option<Run> {
        let (found, run) = self.next(cache);
        assert_eq!(found, does);
        run
    }

    /// Ends the computation, and hands its result to those who wait.
    fn lands(&mut self, cache: &mut FunctionCache<Fake>, run: &Run, value: u32, waiters: &mut [&mut Self]) {
        self.plan.take(Event::Computed(made(value, order::NEVER)));
        self.is(cache, Does::Done(value));
        run.land();
        for waiter in waiters {
            if let Some(arrival) = self.plan.landing() {
                waiter.plan.take(Event::Landed(Some(arrival)));
            }
        }
    }
}

#[test]
fn one_computes_and_the_other_waits() {
    let mut cache = store(Some(8));
    let (mut first, mut second) = (Caller::new(150, None), Caller::new(150, None));
    let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    assert!(second.is(&mut cache, Does::Wait).is_some());
    first.lands(&mut cache, &run, 7, &mut [&mut second]);
    second.is(&mut cache, Does::Done(7));
    assert_eq!((cache.stats.misses, cache.stats.hits, cache.flights.len()), (1, 1, 0));
}

#[test]
fn another_version_does_not_join() {
    let mut cache = store(Some(8));
    let (mut first, mut second) = (Caller::new(1, None), Caller::new(2, None));
    let old = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    let new = second.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.lands(&mut cache, &new, 8, &mut []);
    first.lands(&mut cache, &old, 7, &mut []);
    assert_eq!(cache.stats.not_stored, 1, "no step back");
    Caller::new(2, None).is(&mut cache, Does::Done(8));
}

#[test]
fn what_was_struck_goes_to_those_who_waited_and_to_nobody_else() {
    for whole in [true, false] {
        let mut cache = store(Some(8));
        let (mut first, mut second) = (Caller::new(1, None), Caller::new(1, Some(Session::begin())));
        let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
        second.is(&mut cache, Does::Wait);
        let mut drops = DeferredDrops::default();
        if whole {
            cache.clear(&mut drops);
        } else {
            let removed = cache.invalidate(&probe(1), &crate::engine::Comparisons::default(), &mut drops);
            assert!(removed.is_ok_and(|removed| !removed));
        }
        let mut third = Caller::new(1, None);
        let after = third.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
        first.lands(&mut cache, &run, 7, &mut [&mut second]);
        second.is(&mut cache, Does::Done(7));
        assert_eq!(cache.len(), 0);
        third.lands(&mut cache, &after, 8, &mut []);
        assert_eq!(cache.len(), 1);
    }
}

#[test]
fn a_session_reads_again_what_it_waited_for_though_it_is_not_there_any_more() {
    let mut cache = store(Some(8));
    let session = Session::begin();
    let (mut first, mut second) = (Caller::new(1, None), Caller::new(1, Some(session.clone())));
    let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.is(&mut cache, Does::Wait);
    first.lands(&mut cache, &run, 7, &mut [&mut second]);
    // Another call of a newer version pushes it out before the waiter wakes.
    let mut third = Caller::new(2, None);
    let newer = third.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    third.lands(&mut cache, &newer, 8, &mut []);
    second.is(&mut cache, Does::Done(8));
    Caller::new(1, Some(session)).is(&mut cache, Does::Done(8));
}

#[test]
fn what_is_struck_before_a_waiter_wakes_is_a_key_and_not_all_of_its_hash() {
    for (struck, after) in [(1, Does::Compute), (11, Does::Done(7))] {
        let mut cache = store(Some(8));
        let session = Session::begin();
        let (mut first, mut second, mut third) =
            (Caller::new(2, None), Caller::new(2, Some(session.clone())), Caller::new(1, None));
        let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
        // Of another version, and asked later, so that the result is only on its way to the waiter.
        let other = third.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
        third.lands(&mut cache, &other, 8, &mut []);
        second.is(&mut cache, Does::Wait);
        first.lands(&mut cache, &run, 7, &mut [&mut second]);
        let mut drops = DeferredDrops::default();
        let removed = cache.invalidate(&probe(struck), &crate::engine::Comparisons::default(), &mut drops);
        assert!(removed.is_ok_and(|removed| removed == (struck == 1)));
        second.is(&mut cache, Does::Done(7));
        Caller::new(2, Some(session)).is(&mut cache, after);
    }
}

#[test]
fn a_leader_without_a_result_hands_over() {
    let mut cache = store(Some(8));
    let (mut first, mut second, mut third) =
        (Caller::new(1, None), Caller::new(1, None), Caller::new(1, None));
    let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.is(&mut cache, Does::Wait);
    third.is(&mut cache, Does::Wait);
    enter(&mut cache, None, |cx| first.plan.abandon(cx));
    run.land();
    let run = second.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    third.is(&mut cache, Does::Wait);
    second.lands(&mut cache, &run, 9, &mut [&mut third]);
    third.is(&mut cache, Does::Done(9));
}

#[test]
fn one_who_lost_patience_stores_nothing() {
    let mut cache = store(Some(8));
    let session = Session::begin();
    let (mut first, mut second) = (Caller::new(1, None), Caller::new(1, Some(session.clone())));
    let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.is(&mut cache, Does::Wait);
    second.plan.take(Event::Late);
    let own = second.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.lands(&mut cache, &own, 8, &mut []);
    assert_eq!(cache.len(), 0);
    first.lands(&mut cache, &run, 7, &mut []);
    Caller::new(1, Some(session)).is(&mut cache, Does::Done(8));
    Caller::new(1, None).is(&mut cache, Does::Done(7));
}

#[test]
fn what_rests_on_something_older_is_not_shared() {
    let mut cache = store(Some(8));
    let (mut first, mut second) = (Caller::new(1, Some(Session::begin())), Caller::new(1, None));
    let run = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    second.is(&mut cache, Does::Wait);
    first.plan.take(Event::Computed(made(7, 1)));
    first.is(&mut cache, Does::Done(7));
    run.land();
    assert!(first.plan.landing().is_none());
    second.is(&mut cache, Does::Compute);
}

#[test]
fn a_circle_is_with_one_run_and_not_with_the_next() {
    let mut cache = store(Some(8));
    let (mut first, mut second, mut third) =
        (Caller::new(1, None), Caller::new(1, None), Caller::new(1, None));
    let circular = first.is(&mut cache, Does::Compute).unwrap_or_else(|| panic!("no run"));
    let met = second.is(&mut cache, Does::Wait).unwrap_or_else(|| panic!("nothing to wait for"));
    second.plan.take(Event::Circle(met));
    enter(&mut cache, None, |cx| first.plan.abandon(cx));
    circular.land();
    third.is(&mut cache, Does::Compute);
    second.is(&mut cache, Does::Wait);
}
