//! What one observation or one failure says of all entries of its source, on a host without Python.

use std::ops::ControlFlow::Break;
use std::rc::Rc;

use crate::engine::call::plan::Plan;
use crate::engine::call::policy::{Manner, Wish};
use crate::engine::call::protocol::{Event, NextStep, Step};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::session::answers::Scope;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, Session, alone, comparisons, drive, enter, made, probe};
use crate::engine::{clock, order};

const SECOND: u64 = 1_000_000_000;

/// A function of a user and a day, 10 to a user, whose version function is given the user.
struct World {
    cache: FunctionCache<Fake>,
    scope: Scope,
    /// What the version function answers; 0 if it fails.
    version: u32,
    asked: u32,
    computed: u32,
}

impl World {
    fn new(maxsize: usize) -> Self {
        clock::mock(SECOND);
        let terms = Terms {
            maxsize: Some(maxsize),
            stale_if_error: Some(600 * SECOND),
            retry_after: SECOND,
            ..Terms::default()
        };
        Self {
            cache: FunctionCache::new(terms, ()),
            scope: Scope::default(),
            version: 1,
            asked: 0,
            computed: 0,
        }
    }

    fn plan(&self, key: u32) -> Plan<Fake> {
        let given = Some(probe(key / 10));
        Plan::new(probe(key), given, self.scope.clone(), None, (), Wish::of(Manner::Called))
    }

    /// One call. What it returns, if it does not raise.
    fn call(&mut self, session: Option<&Rc<Session>>, key: u32) -> Option<u32> {
        let mut plan = self.plan(key);
        let mut event = Event::Ready;
        loop {
            match self.resume(session, &mut plan, event) {
                Step::Ask(_) => {
                    self.asked += 1;
                    if self.version == 0 {
                        enter(&mut self.cache, session, |cx| plan.end(cx));
                        event = Event::Failed { stands: true };
                    } else {
                        event = Event::Observed(Number::new(self.version), Vec::new());
                    }
                }
                Step::Compute(_) => {
                    self.computed += 1;
                    event = Event::Computed(made(self.computed, order::NEVER));
                }
                Step::Done(served) => return Some(served.value.get()),
                Step::Raise => return None,
                _ => panic!("no such terms"),
            }
        }
    }

    /// The next step that is more than a comparison.
    fn resume(
        &mut self,
        session: Option<&Rc<Session>>,
        plan: &mut Plan<Fake>,
        event: Event<Fake>,
    ) -> NextStep<Fake> {
        drive(&mut self.cache, session, plan, event, Break)
    }

    /// The first step.
    fn next(&mut self, session: Option<&Rc<Session>>, plan: &mut Plan<Fake>) -> NextStep<Fake> {
        self.resume(session, plan, Event::Ready)
    }

    /// What a call returns of which the source fails, if it does not raise.
    fn fails(&mut self, session: Option<&Rc<Session>>, plan: &mut Plan<Fake>) -> Option<u32> {
        enter(&mut self.cache, session, |cx| plan.end(cx));
        match self.resume(session, plan, Event::Failed { stands: true }) {
            Step::Done(served) => Some(served.value.get()),
            Step::Raise => None,
            _ => panic!("it has failed"),
        }
    }

    fn at(seconds: u64) {
        clock::mock(seconds * SECOND);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        clock::unmock();
    }
}

#[test]
fn what_differs_for_one_entry_differs_for_all_of_its_source() {
    let _turn = alone();
    let mut world = World::new(8);
    assert_eq!(
        (world.call(None, 11), world.call(None, 12), world.call(None, 21)),
        (Some(1), Some(2), Some(3))
    );
    World::at(100);
    world.version = 2;
    assert_eq!(world.call(None, 11), Some(4));
    world.version = 0;
    World::at(699);
    assert_eq!(world.call(None, 12), Some(2));
    World::at(700);
    assert_eq!(world.call(None, 12), None, "not fresh since 100");
    assert_eq!(world.call(None, 21), Some(3), "of another source");
}

#[test]
fn a_source_that_fails_does_so_for_all_of_its_entries() {
    let _turn = alone();
    let mut world = World::new(8);
    for key in [11, 12, 21] {
        world.call(None, key);
    }
    World::at(100);
    world.version = 0;
    assert_eq!(world.call(None, 11), Some(1));
    world.asked = 0;
    assert_eq!((world.call(None, 12), world.asked), (Some(2), 0), "left alone");
    assert_eq!((world.call(None, 21), world.asked), (Some(3), 1), "of another source");
    World::at(699);
    assert_eq!(world.call(None, 12), Some(2));
    World::at(700);
    assert_eq!(world.call(None, 12), None, "not fresh since 100");
}

#[test]
fn a_computation_that_fails_is_no_failure_of_the_version_function_for_those_who_waited() {
    let _turn = alone();
    let mut world = World::new(8);
    for key in [11, 12] {
        world.call(None, key);
    }
    World::at(100);
    let (mut leader, mut waiter) = (world.plan(11), world.plan(11));
    for plan in [&mut leader, &mut waiter] {
        let step = world.next(None, plan);
        assert!(matches!(step, Step::Ask(_)));
        plan.take(Event::Observed(Number::new(2), Vec::new()));
    }
    let step = world.next(None, &mut leader);
    assert!(matches!(step, Step::Compute(_)));
    let step = world.next(None, &mut waiter);
    assert!(matches!(step, Step::Wait(_)));
    for plan in [&mut leader, &mut waiter] {
        assert_eq!(world.fails(None, plan), Some(1));
    }
    (world.version, world.asked) = (2, 0);
    assert_eq!((world.call(None, 12), world.asked), (Some(3), 1), "its source is well");
    assert_eq!((world.call(None, 11), world.asked), (Some(1), 1), "left alone");
}

#[test]
fn who_waits_for_what_fails_gets_what_its_session_was_given_meanwhile() {
    let _turn = alone();
    let mut world = World::new(8);
    world.call(None, 11);
    World::at(100);
    let session = Session::begin();
    let (mut leader, mut waiter) = (world.plan(11), world.plan(11));
    let step = world.next(Some(&session), &mut leader);
    assert!(matches!(step, Step::Ask(_)));
    leader.take(Event::Observed(Number::new(2), Vec::new()));
    let step = world.next(Some(&session), &mut leader);
    assert!(matches!(step, Step::Compute(_)));
    let step = world.next(Some(&session), &mut waiter);
    assert!(matches!(step, Step::Wait(_)));
    for plan in [&mut leader, &mut waiter] {
        assert_eq!(world.fails(Some(&session), plan), Some(1));
        // What is new takes the place of the old before the waiter wakes.
        World::at(102);
        world.version = 2;
        assert_eq!(world.call(None, 11), Some(2));
    }
}

#[test]
fn who_hears_late_that_a_source_has_failed_does_not_take_it_for_news() {
    let _turn = alone();
    for well in [false, true] {
        let mut world = World::new(8);
        world.call(None, 11);
        let session = Session::begin();
        let (mut leader, mut waiter) = (world.plan(11), world.plan(11));
        let step = world.next(Some(&session), &mut leader);
        assert!(matches!(step, Step::Ask(_)));
        let step = world.next(Some(&session), &mut waiter);
        assert!(matches!(step, Step::Wait(_)));
        for plan in [&mut leader, &mut waiter] {
            assert_eq!(world.fails(Some(&session), plan), Some(1));
            // After a time in which it is left alone it is asked again, before the waiter wakes.
            World::at(100);
            world.version = u32::from(well);
            world.call(None, 11);
        }
        (world.version, world.asked) = (2, 0);
        let found = (world.call(None, 11), world.asked);
        assert_eq!(found, if well { (Some(2), 1) } else { (Some(1), 0) }, "left alone only if it fails");
    }
}

#[test]
fn a_failure_of_before_the_first_result_was_asked_is_none() {
    let _turn = alone();
    for waits in [false, true] {
        let mut world = World::new(8);
        let session = Session::begin();
        let (mut slow, mut waiter) = (world.plan(11), world.plan(11));
        let step = world.next(Some(&session), &mut slow);
        assert!(matches!(step, Step::Ask(_)));
        if waits {
            let step = world.next(Some(&session), &mut waiter);
            assert!(matches!(step, Step::Wait(_)));
            assert_eq!(world.fails(Some(&session), &mut slow), None);
        }
        World::at(100);
        assert_eq!(world.call(None, 11), Some(1));
        let late = if waits { &mut waiter } else { &mut slow };
        assert_eq!(world.fails(Some(&session), late), Some(1));
        (world.version, world.asked) = (2, 0);
        assert_eq!((world.call(None, 11), world.asked), (Some(2), 1), "its source is well");
    }
}

#[test]
fn a_computation_that_fails_says_nothing_of_one_that_began_later() {
    let _turn = alone();
    let mut world = World::new(8);
    let mut slow = world.plan(11);
    let step = world.next(None, &mut slow);
    assert!(matches!(step, Step::Ask(_)));
    slow.take(Event::Observed(Number::new(1), Vec::new()));
    let step = world.next(None, &mut slow);
    assert!(matches!(step, Step::Compute(_)));
    World::at(100);
    world.version = 2;
    assert_eq!(world.call(None, 11), Some(1));
    assert_eq!(world.fails(None, &mut slow), Some(1));
    (world.version, world.asked) = (3, 0);
    assert_eq!((world.call(None, 11), world.asked), (Some(2), 1), "its source is well");
}

#[test]
fn what_differs_is_noted_though_the_source_has_failed_since_it_was_asked() {
    let _turn = alone();
    let mut world = World::new(8);
    for key in [11, 12] {
        world.call(None, key);
    }
    World::at(100);
    let mut slow = world.plan(11);
    let step = world.next(None, &mut slow);
    assert!(matches!(step, Step::Ask(_)));
    slow.take(Event::Observed(Number::new(2), Vec::new()));
    World::at(200);
    world.version = 0;
    world.call(None, 12);
    let step = world.next(None, &mut slow);
    assert!(matches!(step, Step::Done(served) if served.value.get() == 1));
    World::at(700);
    assert_eq!(world.call(None, 12), None, "not fresh since 100");
}

#[test]
fn what_was_observed_before_a_failure_does_not_end_it() {
    let _turn = alone();
    let mut world = World::new(8);
    let session = Session::begin();
    world.call(None, 11);
    assert_eq!(world.call(Some(&session), 12), Some(2));
    World::at(100);
    world.version = 0;
    assert_eq!(world.call(None, 11), Some(1));
    assert_eq!(world.call(Some(&session), 11), Some(1), "its own observation agrees");
    world.asked = 0;
    assert_eq!((world.call(None, 11), world.asked), (Some(1), 0), "left alone still");
}

#[test]
fn what_was_observed_before_another_version_does_not_make_fresh_again() {
    let _turn = alone();
    let mut world = World::new(8);
    let session = Session::begin();
    world.call(None, 11);
    assert_eq!(world.call(Some(&session), 12), Some(2));
    World::at(100);
    world.version = 2;
    world.call(None, 13);
    assert_eq!(world.call(Some(&session), 11), Some(1));
    world.version = 0;
    World::at(700);
    assert_eq!(world.call(None, 11), None, "not fresh since 100");
    world.version = 1;
    assert_eq!(world.call(None, 11), Some(1), "the version again");
    world.version = 0;
    World::at(1299);
    assert_eq!(world.call(None, 11), Some(1), "fresh until now");
}

#[test]
fn what_is_stored_under_an_answer_of_yesterday_is_not_fresh() {
    let _turn = alone();
    let mut world = World::new(8);
    let session = Session::begin();
    world.call(Some(&session), 11);
    World::at(100);
    world.version = 2;
    world.call(None, 12);
    world.call(Some(&session), 13);
    world.version = 0;
    World::at(700);
    assert_eq!(world.call(None, 13), None, "another version had been observed when it was stored");
}

#[test]
fn what_one_source_is_said_of_another_of_its_hash_does_not_hear() {
    let _turn = alone();
    let mut world = World::new(8);
    // The givens 1 and 11 have one hash.
    assert_eq!((world.call(None, 11), world.call(None, 112)), (Some(1), Some(2)));
    World::at(100);
    world.version = 2;
    world.call(None, 13);
    world.version = 0;
    World::at(700);
    assert_eq!((world.call(None, 112), world.call(None, 11)), (Some(2), None));
}

#[test]
fn an_observation_is_compared_with_few() {
    let _turn = alone();
    let mut world = World::new(1000);
    // From 100 on versions are compared by asking.
    for key in 0..100 {
        world.version = 100 + key;
        world.call(None, key % 10);
        world.call(None, 500 + key);
    }
    let compared = comparisons(|| {
        for _ in 0..10 {
            world.call(None, 5);
        }
    });
    assert!(compared < 40, "{compared}");
}

#[test]
fn nothing_is_known_of_a_source_of_which_nothing_is_stored() {
    let _turn = alone();
    let mut world = World::new(3);
    for key in 0..200 {
        world.version = 1 + key % 5;
        world.call(None, key * 10);
        assert!(world.cache.entries().version_table.sources() <= 3);
    }
    world.version = 0;
    assert_eq!((world.call(None, 7777), world.call(None, 7778)), (None, None));
    assert_eq!(world.cache.entries().version_table.sources(), 3);
    let mut drops = crate::engine::DeferredDrops::default();
    world.cache.strike(None, |_| true, &mut drops);
    assert_eq!(world.cache.entries().version_table.sources(), 0);
}
