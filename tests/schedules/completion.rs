//! One completion: whoever ends it, waits for it, leaves a callback or cancels what runs it.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;
use versioned_lru_cache::concurrency::completion::Completion;

type Numbered = Completion<u64, u64, u64>;

const SPAN: Duration = Duration::from_secs(1);

fn end_of(completion: &Numbered) -> Option<u64> {
    completion.look(|end| Some(*end?))
}

fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|_| panic!("a thread"))
}

#[test]
fn the_first_end_counts_and_wakes_who_waits() {
    loom::model(|| {
        let completion = Arc::new(Numbered::default());
        let (other, sleeper) = (completion.clone(), completion.clone());
        let ending = thread::spawn(move || drop(other.end(1)));
        let waiting = thread::spawn(move || {
            while sleeper.wait(SPAN) {}
            sleeper.pass_on();
            assert!(!sleeper.is_going());
            end_of(&sleeper)
        });
        drop(completion.end(2));
        let seen = joined(waiting);
        joined(ending);
        assert!(seen.is_some());
        assert_eq!(seen, end_of(&completion));
    });
}

#[test]
fn a_callback_is_handed_out_once_or_refused() {
    loom::model(|| {
        let completion = Arc::new(Numbered::default());
        let (first, second) = (completion.clone(), completion.clone());
        let first = thread::spawn(move || first.end(1));
        let second = thread::spawn(move || second.end(2));
        let waits = completion.on_end(7).is_some();
        if !waits {
            assert!(end_of(&completion).is_some(), "refused before there is an end to look at");
        }
        let mut callbacks = joined(first);
        callbacks.extend(joined(second));
        assert_eq!(callbacks, vec![7; usize::from(waits)]);
        assert!(end_of(&completion).is_some());
    });
}

#[test]
fn the_last_task_that_leaves_gets_what_runs_it() {
    loom::model(|| {
        let completion = Arc::new(Numbered::default());
        completion.runs_in(5);
        let (Some(one), Some(two)) = (completion.on_end(1), completion.on_end(2)) else {
            panic!("it has not ended")
        };
        let (first, second) = (completion.clone(), completion.clone());
        let first = thread::spawn(move || first.leave(one).2);
        let second = thread::spawn(move || second.end(3));
        let mine = completion.leave(two).2;
        let (other, callbacks) = (joined(first), joined(second));
        assert!(mine.or(other).is_none_or(|task| task == 5));
        assert!(mine.is_none() || other.is_none(), "cancelled twice");
        assert!(callbacks.iter().all(|callback| [1, 2].contains(callback)), "of those who have not left");
    });
}
