//! A sharded lock: threads read, each in a shard, while others write.

use std::sync::Arc;

use loom::thread;
use versioned_lru_cache::concurrency::sharded_lock::{ReadBuffered, ShardedLock};

/// Two numbers that are equal for whoever may look, and what was noted, in its order.
#[derive(Default)]
struct Pair {
    left: u64,
    right: u64,
    noted: Vec<u64>,
}

impl ReadBuffered for Pair {
    type Buffer = Vec<u64>;

    const EMPTY: Vec<u64> = Vec::new();

    fn drain(&mut self, notes: &mut Vec<u64>) {
        self.noted.append(notes);
    }
}

type Sharded = ShardedLock<Pair>;

fn look(pair: &Sharded, shard: usize, note: u64) -> u64 {
    pair.read(shard, |pair, notes| {
        assert_eq!(pair.left, pair.right, "looked at beside a change");
        notes.push(note);
        pair.left
    })
}

fn change(pair: &Sharded) -> u64 {
    pair.write(|pair| {
        pair.left += 1;
        thread::yield_now();
        pair.right += 1;
        pair.left
    })
}

fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|_| panic!("a thread"))
}

/// In all schedules, but for those in which more turns than that are taken from a thread that could go on.
fn in_all_schedules(most: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = most;
    builder.check(model);
}

#[test]
fn nobody_looks_beside_a_change() {
    in_all_schedules(None, || {
        let pair = Arc::new(Sharded::new(Pair::default()));
        let other = pair.clone();
        let looking = thread::spawn(move || look(&other, 0, 1));
        let changed = change(&pair);
        assert!(joined(looking) <= changed);
    });
}

#[test]
fn a_shard_that_opens_is_not_passed_over() {
    in_all_schedules(Some(4), || {
        let pair = Arc::new(Sharded::new(Pair::default()));
        let other = pair.clone();
        let looking = thread::spawn(move || (look(&other, 1, 1), look(&other, 1, 2)));
        change(&pair);
        change(&pair);
        let (first, second) = joined(looking);
        assert!(first <= second);
        assert_eq!(pair.write(|pair| std::mem::take(&mut pair.noted)), [1, 2]);
    });
}

#[test]
fn two_who_change_do_so_one_after_the_other() {
    in_all_schedules(None, || {
        let pair = Arc::new(Sharded::new(Pair::default()));
        look(&pair, 1, 1);
        let other = pair.clone();
        let changing = thread::spawn(move || change(&other));
        let mine = change(&pair);
        assert_eq!(mine + joined(changing), 3);
        pair.read(0, |pair, _| assert_eq!((pair.left, pair.right), (2, 2)));
    });
}

#[test]
fn what_a_thread_noted_is_taken_up_once_and_in_its_order() {
    in_all_schedules(Some(3), || {
        let pair = Arc::new(Sharded::new(Pair::default()));
        let other = pair.clone();
        let noting = thread::spawn(move || {
            look(&other, 1, 1);
            other.drain_one(1);
            look(&other, 1, 2);
        });
        look(&pair, 0, 10);
        change(&pair);
        joined(noting);
        look(&pair, 0, 20);
        let noted = pair.write(|pair| std::mem::take(&mut pair.noted));
        let of = |from: u64| noted.iter().copied().filter(|note| note / 10 == from).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), (vec![1, 2], vec![10], vec![20]), "{noted:?}");
    });
}
