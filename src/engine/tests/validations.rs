//! Read sets and validations: what a computation has read is asked about when it has ended, and decides what
//! becomes of its result.

use std::ops::ControlFlow::{Break, Continue};
use std::rc::Rc;

use crate::engine::call::claim::Claim;
use crate::engine::call::plan::Plan;
use crate::engine::call::policy::{Manner, Wish};
use crate::engine::call::protocol::{Event, Made, NextStep, Step};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::host::Flight;
use crate::engine::session::answers::Scope;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, Run, Session, alone, drive, enter, made, probe};
use crate::engine::versions::read_log::{Own, Read};
use crate::engine::{clock, order};

/// One cached function with a version function of its own.
struct Function {
    cache: FunctionCache<Fake>,
    scope: Scope,
    version: u32,
    asked: u32,
}

impl Function {
    fn new(version: u32) -> Self {
        let cache = FunctionCache::new(Terms { maxsize: Some(8), ..Terms::default() }, ());
        Self { cache, scope: Scope::default(), version, asked: 0 }
    }

    fn plan(&self) -> Plan<Fake> {
        Plan::new(probe(1), None, self.scope.clone(), None, (), Wish::of(Manner::Called))
    }

    /// The next step that is more than a comparison or a question.
    fn next(&mut self, session: &Rc<Session>, plan: &mut Plan<Fake>) -> NextStep<Fake> {
        let (version, asked) = (self.version, &mut self.asked);
        drive(&mut self.cache, Some(session), plan, Event::Ready, |step| match step {
            Step::Ask(_) => {
                *asked += 1;
                Continue(Event::Observed(Number::new(version), Vec::new()))
            }
            step => Break(step),
        })
    }

    /// Calls it in a session: what it was served by, as who builds on it notes that.
    fn read(&mut self, session: &Rc<Session>) -> Read<Number> {
        let mut plan = self.plan();
        loop {
            match self.next(session, &mut plan) {
                Step::Compute(_) => plan.take(Event::Computed(made(1, order::NEVER))),
                Step::Done(served) => {
                    let crate::engine::Basis { tag, ticket, version } = served.basis;
                    return Read { tag, ticket, call: version };
                }
                _ => panic!("neither computed nor answered"),
            }
        }
    }

    /// Whether what was read holds, as a session of its own is told that began after `since`.
    fn holds(&mut self, read: &Read<Number>, since: order::Ticket, session: &Rc<Session>) -> bool {
        let claim = Claim { version: read.call.clone(), tag: read.tag, since };
        let mut plan = self.plan();
        plan.about(claim);
        match self.next(session, &mut plan) {
            Step::Holds(holds) => holds,
            _ => panic!("only a version was asked about"),
        }
    }
}

/// A plan that has computed something under version 1, with what it has read.
fn computed(outer: &mut Function, session: &Rc<Session>, reads: Vec<Read<Number>>) -> (Plan<Fake>, Run) {
    let mut plan = outer.plan();
    let Step::Compute(run) = outer.next(session, &mut plan) else { panic!("nothing is stored") };
    plan.take(Event::Computed(Made { reads, ..made(7, order::NEVER) }));
    (plan, run)
}

#[test]
fn what_is_older_is_asked_about_and_stored_for_all_if_it_holds() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner) = (Function::new(1), Function::new(150));
    let session = Session::begin();
    let read = inner.read(&session);
    let (mut plan, _run) = computed(&mut outer, &session, vec![read]);
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older") };
    let holds = inner.holds(&read, plan.observed_until(), &Session::begin());
    assert!(holds && inner.asked == 2);
    plan.take(Event::Validated(read, holds, Vec::new()));
    assert!(
        matches!(outer.next(&session, &mut plan), Step::Done(served) if order::is_drawn(served.basis.ticket))
    );
    assert_eq!((outer.cache.len(), outer.cache.stats.not_stored), (1, 0));
    clock::unmock();
}

#[test]
fn what_has_changed_makes_a_result_its_sessions_only() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner) = (Function::new(1), Function::new(150));
    let session = Session::begin();
    let read = inner.read(&session);
    inner.version = 151;
    let (mut plan, _run) = computed(&mut outer, &session, vec![read]);
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older") };
    let holds = inner.holds(&read, plan.observed_until(), &Session::begin());
    plan.take(Event::Validated(read, holds, Vec::new()));
    let Step::Done(served) = outer.next(&session, &mut plan) else { panic!("it is made") };
    assert!(!holds && !order::is_drawn(served.basis.ticket), "nobody may ask whether its own version holds");
    assert_eq!((outer.cache.len(), outer.cache.stats.not_stored), (0, 1));
    let mut again = outer.plan();
    assert!(matches!(outer.next(&session, &mut again), Step::Done(served) if served.value.get() == 7));
    assert!(matches!(outer.next(&Session::begin(), &mut outer.plan()), Step::Compute(_)));
    clock::unmock();
}

#[test]
fn one_session_for_validations_asks_once_and_what_was_seen_since_is_not_asked_at_all() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let mut inner = Function::new(1);
    let session = Session::begin();
    let read = inner.read(&session);
    let since = order::draw();
    let apart = Session::begin();
    assert!(inner.holds(&read, since, &apart) && inner.holds(&read, since, &apart));
    assert_eq!(inner.asked, 2);
    let _ = inner.read(&Session::begin());
    assert!(inner.holds(&read, since, &Session::begin()));
    assert_eq!(inner.asked, 3, "the store has seen it");
    clock::unmock();
}

/// How many results are stored after a computation that has read this, about which nothing is asked.
fn stored_without_a_question(reads: impl FnOnce(Own) -> Vec<Read<Number>>) -> usize {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let mut outer = Function::new(1);
    let session = Session::begin();
    let mut plan = outer.plan();
    assert!(matches!(outer.next(&session, &mut plan), Step::Compute(_)));
    let reads = reads(plan.own());
    plan.take(Event::Computed(Made { reads, ..made(7, order::NEVER) }));
    assert!(matches!(outer.next(&session, &mut plan), Step::Done(_)));
    clock::unmock();
    outer.cache.len()
}

#[test]
fn what_is_newer_or_of_the_same_answer_is_not_asked_about() {
    let stored = stored_without_a_question(|own| {
        vec![
            Read { tag: own.tag, ticket: own.ticket, call: Number::new(1) },
            Read { tag: 2, ticket: own.until + 2, call: Number::new(2) },
        ]
    });
    assert_eq!(stored, 1);
}

#[test]
fn what_the_version_function_has_read_counts_too() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner) = (Function::new(1), Function::new(1));
    let session = Session::begin();
    let read = inner.read(&session);
    let mut plan = outer.plan();
    let asks = enter(&mut outer.cache, Some(&session), |cx| plan.next(cx));
    assert!(matches!(asks, Step::Ask(_)));
    plan.take(Event::Observed(Number::new(1), vec![read.clone()]));
    assert!(matches!(outer.next(&session, &mut plan), Step::Compute(_)));
    plan.take(Event::Computed(made(7, order::NEVER)));
    assert!(matches!(outer.next(&session, &mut plan), Step::Validate(asked) if asked.tag == read.tag));
    clock::unmock();
}

#[test]
fn one_that_does_not_hold_is_enough() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner, mut other) = (Function::new(1), Function::new(1), Function::new(1));
    let session = Session::begin();
    let reads = vec![inner.read(&session), other.read(&session)];
    let (mut plan, run) = computed(&mut outer, &session, reads);
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older") };
    assert!(run.is_going(), "who waits waits for what is decided");
    plan.take(Event::Validated(read, false, Vec::new()));
    assert!(matches!(outer.next(&session, &mut plan), Step::Done(_)));
    assert!(outer.cache.is_empty() && plan.made_with().is_some());
    clock::unmock();
}

#[test]
fn that_a_version_holds_says_nothing_of_a_sessions_only_result_of_it() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner) = (Function::new(1), Function::new(1));
    let session = Session::begin();
    let read = inner.read(&session);
    let only = Read { ticket: order::before(read.ticket), ..read.clone() };
    let (mut plan, _run) = computed(&mut outer, &session, vec![only, read]);
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older") };
    plan.take(Event::Validated(read, true, Vec::new()));
    assert!(matches!(outer.next(&session, &mut plan), Step::Done(_)));
    assert!(outer.cache.is_empty(), "it rests on both");
    clock::unmock();
}

#[test]
fn what_is_read_while_it_is_validated_is_asked_about_once() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let (mut outer, mut inner, mut other) = (Function::new(1), Function::new(1), Function::new(1));
    let session = Session::begin();
    let (first, second) = (inner.read(&session), other.read(&session));
    let (mut plan, _run) = computed(&mut outer, &session, vec![first.clone()]);
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older") };
    plan.take(Event::Validated(read, true, vec![first, second.clone()]));
    let Step::Validate(read) = outer.next(&session, &mut plan) else { panic!("it is older, too") };
    assert_eq!(read.tag, second.tag);
    plan.take(Event::Validated(read, true, Vec::new()));
    assert!(matches!(outer.next(&session, &mut plan), Step::Done(_)));
    assert_eq!(outer.cache.len(), 1);
    clock::unmock();
}

#[test]
fn an_answer_that_rests_on_something_stale_holds_nothing() {
    let _turn = alone();
    clock::mock(1_000_000_000);
    let mut inner = Function::new(1);
    let session = Session::begin();
    let read = inner.read(&session);
    let stale = Read { tag: 2, ticket: order::before(read.ticket), call: Number::new(1) };
    let claim = Claim { version: read.call.clone(), tag: read.tag, since: order::draw() };
    let (apart, mut plan) = (Session::begin(), inner.plan());
    plan.about(claim);
    let asks = enter(&mut inner.cache, Some(&apart), |cx| plan.next(cx));
    assert!(matches!(asks, Step::Ask(_)));
    plan.take(Event::Observed(Number::new(1), vec![stale]));
    assert!(matches!(inner.next(&apart, &mut plan), Step::Holds(false)));
    clock::unmock();
}

#[test]
fn a_sessions_only_result_of_the_same_answer_is_not_taken_for_ones_own() {
    let stored = stored_without_a_question(|own| {
        vec![Read { tag: own.tag, ticket: order::before(own.ticket), call: Number::new(1) }]
    });
    assert_eq!(stored, 0);
}
