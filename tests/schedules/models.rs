//! Calls of one key that meet.

use std::sync::Arc;

use super::calls::{Act, Answer, Body, Called, Function, World, in_all_schedules};
use super::host::{Session, lock};

/// A version that is compared by machine, and one that has to be asked.
const PLAIN: u64 = 1;
const FOREIGN: u64 = 101;

fn function(version: u64, meet: bool, body: fn(u64) -> Body) -> Arc<Function> {
    Function::new(&World::new(version, meet, |_| Body::Returns, body), 1)
}

fn call(function: &Arc<Function>) -> Act {
    let function = function.clone();
    Box::new(move || function.call(None, true))
}

fn runs(function: &Function) -> u64 {
    lock(&function.world.facts).runs
}

fn one_run_for_all(function: &Arc<Function>, called: &[Called]) {
    let version = lock(&function.world.facts).version;
    assert!(called.iter().all(|call| call.answer == Answer::Value(version)), "{called:?}");
    assert_eq!(runs(function), 1);
    assert_eq!(function.stored(), Some((version, version)));
    assert!(function.world.is_quiet());
}

#[test]
fn two_callers_of_one_key() {
    in_all_schedules(
        None,
        || function(PLAIN, false, |_| Body::Returns),
        |function| vec![call(function), call(function)],
        one_run_for_all,
    );
}

#[test]
fn two_callers_whose_versions_have_to_be_compared() {
    in_all_schedules(
        None,
        || function(FOREIGN, false, |_| Body::Returns),
        |function| vec![call(function), call(function)],
        one_run_for_all,
    );
}

#[test]
fn three_callers_of_one_key() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, false, |_| Body::Returns),
        |function| vec![call(function), call(function), call(function)],
        one_run_for_all,
    );
}

#[test]
fn a_leader_that_fails() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, false, |_| Body::Fails),
        |function| vec![call(function), call(function), call(function)],
        |function, called| {
            let leaders = called.iter().filter(|call| !call.waited).count();
            assert_eq!(runs(function), leaders as u64, "who waited did not run it again");
            let errors = called.iter().map(|call| match call.answer {
                Answer::Error(run) => run,
                other => panic!("{other:?} in place of an exception"),
            });
            let mut errors: Vec<_> = errors.collect();
            errors.sort_unstable();
            errors.dedup();
            assert_eq!(errors.len(), leaders, "who waited got the leader's own");
            assert_eq!(function.stored(), None);
            assert!(function.world.is_quiet());
        },
    );
}

fn handed_over(function: &Arc<Function>, called: &[Called]) {
    let gone = called.iter().filter(|call| call.answer == Answer::Nothing).count();
    let served = called.iter().filter(|call| call.answer == Answer::Value(PLAIN)).count();
    assert_eq!((gone, served), (1, called.len() - 1));
    assert_eq!(runs(function), 2);
    assert!(function.world.is_quiet());
}

#[test]
fn a_leader_that_quits_hands_over() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, false, |run| if run == 1 { Body::Quits } else { Body::Returns }),
        |function| vec![call(function), call(function), call(function)],
        handed_over,
    );
}

#[test]
fn a_leader_that_dies_hands_over() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, false, |run| if run == 1 { Body::Dies } else { Body::Returns }),
        |function| vec![call(function), call(function), call(function)],
        handed_over,
    );
}

/// Changes the data, though not its version, strikes the key, and calls.
fn change(function: &Arc<Function>, strike: fn(&Function)) -> Act {
    let function = function.clone();
    Box::new(move || {
        lock(&function.world.facts).data = 2;
        strike(&function);
        function.call(None, true)
    })
}

fn not_undone(function: &Arc<Function>, called: &[Called]) {
    assert_eq!(called.last().map(|call| call.answer), Some(Answer::Value(2)), "{called:?}");
    assert!(called.iter().all(|call| matches!(call.answer, Answer::Value(1 | 2))));
    assert_eq!(function.stored(), Some((PLAIN, 2)));
    assert!(function.world.is_quiet());
}

#[test]
fn an_invalidation_is_not_undone() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, true, |_| Body::Returns),
        |function| vec![call(function), call(function), change(function, Function::invalidate)],
        not_undone,
    );
}

#[test]
fn a_clear_is_not_undone() {
    in_all_schedules(
        Some(3),
        || function(PLAIN, true, |_| Body::Returns),
        |function| vec![call(function), call(function), change(function, Function::clear)],
        not_undone,
    );
}

/// The same in a session in which another waits meanwhile: what that one brings is not remembered after the
/// strike.
fn struck_while_the_session_waits(strike: fn(&Function)) -> Vec<Act> {
    let world = World::new(PLAIN, true, |_| Body::Returns, |_| Body::Returns);
    let (function, session) = (Function::new(&world, 1), Session::begin());
    let (leading, waiting, theirs) = (function.clone(), function.clone(), session.clone());
    vec![
        Box::new(move || leading.call(None, true)),
        Box::new(move || waiting.call(Some(&theirs), true)),
        Box::new(move || {
            lock(&function.world.facts).data = 2;
            strike(&function);
            function.call(Some(&session), true)
        }),
    ]
}

#[test]
fn a_session_forgets_what_was_struck_while_it_waited() {
    for strikes in [Function::invalidate as fn(&Function), Function::clear] {
        in_all_schedules(
            Some(3),
            || (),
            move |()| struck_while_the_session_waits(strikes),
            |(), called| {
                assert_eq!(called.last().map(|call| call.answer), Some(Answer::Value(2)), "{called:?}");
            },
        );
    }
}

/// Changes the data with its version, and calls.
fn move_on(function: &Arc<Function>) -> Act {
    let function = function.clone();
    Box::new(move || {
        {
            let mut facts = lock(&function.world.facts);
            facts.version += 1;
            facts.data += 1;
        }
        function.call(None, true)
    })
}

fn no_step_back(function: &Arc<Function>, called: &[Called]) {
    for call in called {
        let Answer::Value(value) = call.answer else { panic!("{called:?}") };
        assert!(call.version.is_some_and(|version| value >= version), "{called:?}");
    }
    // Not that each version is computed once: of two who ask while it moves, either may have the older
    // observation.
    let version = lock(&function.world.facts).version;
    assert_eq!(function.stored(), Some((version, version)));
    assert!(function.world.is_quiet());
}

#[test]
fn a_newer_version_beside_an_older_flight() {
    for version in [PLAIN, FOREIGN] {
        let begin: fn() -> _ = match version {
            PLAIN => || function(PLAIN, false, |_| Body::Returns),
            _ => || function(FOREIGN, false, |_| Body::Returns),
        };
        in_all_schedules(
            Some(3),
            begin,
            |function| vec![call(function), call(function), move_on(function)],
            no_step_back,
        );
    }
}

#[test]
fn one_who_does_not_wait() {
    in_all_schedules(
        Some(5),
        || function(PLAIN, true, |_| Body::Returns),
        |function| {
            let impatient = function.clone();
            vec![call(function), Box::new(move || impatient.call(None, false))]
        },
        |function, called| {
            assert!(called.iter().all(|call| call.answer == Answer::Value(PLAIN)), "{called:?}");
            assert_eq!(function.stored(), Some((PLAIN, PLAIN)));
            assert!(function.world.is_quiet());
        },
    );
}

/// Two functions of one scope, and a session.
struct Shared {
    functions: [Arc<Function>; 2],
    session: Arc<Session>,
}

impl Shared {
    fn begin(asks: fn(u64) -> Body) -> Self {
        let world = World::new(PLAIN, false, asks, |_| Body::Returns);
        Self { functions: [Function::new(&world, 1), Function::new(&world, 2)], session: Session::begin() }
    }

    fn call(&self, function: usize) -> Act {
        let (function, session) = (self.functions[function].clone(), self.session.clone());
        Box::new(move || function.call(Some(&session), true))
    }

    fn asked(&self) -> u64 {
        lock(&self.functions[0].world.facts).asked
    }
}

fn asked_once(shared: &Shared, called: &[Called]) {
    assert!(called.iter().all(|call| call.answer == Answer::Value(PLAIN)), "{called:?}");
    assert_eq!(shared.asked(), 1);
    assert!(shared.functions[0].world.is_quiet());
}

#[test]
fn a_session_that_two_threads_share_asks_once() {
    in_all_schedules(
        None,
        || Shared::begin(|_| Body::Returns),
        |shared| vec![shared.call(0), shared.call(0)],
        |shared, called| {
            asked_once(shared, called);
            assert_eq!(runs(&shared.functions[0]), 1);
        },
    );
}

#[test]
fn functions_of_one_scope_ask_once_for_a_session() {
    in_all_schedules(
        Some(3),
        || Shared::begin(|_| Body::Returns),
        |shared| vec![shared.call(0), shared.call(1), shared.call(0)],
        |shared, called| {
            asked_once(shared, called);
            assert_eq!(runs(&shared.functions[0]), 2, "once for each function");
        },
    );
}

#[test]
fn an_asker_that_fails_tells_those_who_wait() {
    in_all_schedules(
        None,
        || Shared::begin(|_| Body::Fails),
        |shared| vec![shared.call(0), shared.call(1)],
        |shared, called| {
            let leaders = called.iter().filter(|call| !call.waited).count();
            assert!(called.iter().all(|call| matches!(call.answer, Answer::Error(_))), "{called:?}");
            assert_eq!(shared.asked(), leaders as u64);
            assert!(shared.functions[0].world.is_quiet());
        },
    );
}

#[test]
fn an_asker_that_quits_hands_over() {
    in_all_schedules(
        Some(3),
        || Shared::begin(|run| if run == 1 { Body::Quits } else { Body::Returns }),
        |shared| vec![shared.call(0), shared.call(1), shared.call(0)],
        |shared, called| {
            let gone = called.iter().filter(|call| call.answer == Answer::Nothing).count();
            let served = called.iter().filter(|call| call.answer == Answer::Value(PLAIN)).count();
            assert_eq!((gone, served), (1, 2), "{called:?}");
            assert_eq!(shared.asked(), 2);
            assert!(shared.functions[0].world.is_quiet());
        },
    );
}
