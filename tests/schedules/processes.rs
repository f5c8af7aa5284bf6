//! Processes that share a store: functions with a memory of their own each.

use std::sync::Arc;

use super::calls::{Act, Answer, Body, Called, Function, World, in_all_schedules};
use super::host::lock;
use super::store::Store;

const VERSION: u64 = 1;

/// The function as two processes have it.
fn processes(body: fn(u64) -> Body) -> [Arc<Function>; 2] {
    let (world, store) = (World::new(VERSION, false, |_| Body::Returns, body), Arc::new(Store::new()));
    [(); 2].map(|()| Function::with_store(&world, 1, &store))
}

fn call(function: &Arc<Function>) -> Act {
    let function = function.clone();
    Box::new(move || function.call(None, true))
}

fn one_run_for_all(processes: &[Arc<Function>; 2], called: &[Called]) {
    assert!(called.iter().all(|call| call.answer == Answer::Value(VERSION)), "{called:?}");
    let world = &processes[0].world;
    assert_eq!(lock(&world.facts).runs, 1);
    assert!(processes.iter().all(|process| process.stored() == Some((VERSION, VERSION))));
    assert!(world.is_quiet());
}

#[test]
fn two_processes_compute_once() {
    in_all_schedules(
        Some(3),
        || processes(|_| Body::Returns),
        |[one, other]| vec![call(one), call(other)],
        one_run_for_all,
    );
}

#[test]
fn two_callers_of_one_process_and_one_of_another_compute_once() {
    in_all_schedules(
        Some(2),
        || processes(|_| Body::Returns),
        |[one, other]| vec![call(one), call(one), call(other)],
        one_run_for_all,
    );
}

#[test]
fn a_process_that_ends_while_it_computes_hands_over() {
    in_all_schedules(
        Some(2),
        || processes(|run| if run == 1 { Body::Quits } else { Body::Returns }),
        |[one, other]| vec![call(one), call(other)],
        |processes, called| {
            let gone = called.iter().filter(|call| call.answer == Answer::Nothing).count();
            let served = called.iter().filter(|call| call.answer == Answer::Value(VERSION)).count();
            assert_eq!((gone, served), (1, 1));
            assert_eq!(lock(&processes[0].world.facts).runs, 2);
            assert!(processes[0].world.is_quiet());
        },
    );
}
