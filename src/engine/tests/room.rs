//! What gives its room to new results, on a host without Python.

use crate::engine::clock;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::put::{PutResult, Putter};
use crate::engine::keys::comparisons::Comparisons;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, alone, enter, probe};

const SECOND: u64 = 1_000_000_000;

/// Puts a result that weighs as much as it is.
fn put(cache: &mut FunctionCache<Fake>, key: u32, value: u32) {
    let (value, weight) = (Number::new(value), u64::from(value));
    let result = PutResult { value, version: Number::new(1), own_ttl: None, weight };
    let putter = Putter { leader: &(), rests_on: None };
    let (probe, comparisons) = (probe(key), Comparisons::default());
    let put = enter(cache, None, |cx| cx.put((&probe, None), &result, &putter, &comparisons));
    assert!(put.is_ok(), "numbers are compared natively");
}

#[test]
fn the_queue_of_ends_is_bounded_by_what_is_stored() {
    let _turn = alone();
    clock::mock(SECOND);
    let mut cache = FunctionCache::new(Terms { maxsize: Some(8), ttl: Some(SECOND), ..Terms::default() }, ());
    for key in 0..2_000 {
        put(&mut cache, key, key);
        assert!(cache.entries.ends_noted() <= 100, "{key}");
    }
    assert_eq!(cache.len(), 8);
    clock::mock(3 * SECOND);
    put(&mut cache, 2_000, 1);
    assert_eq!((cache.len(), cache.count_ended()), (8, 7), "one has left for it");
    clock::unmock();
}

#[test]
fn what_weighs_too_much_together_leaves() {
    let _turn = alone();
    let mut cache = FunctionCache::new(Terms { max_weight: Some(100), ..Terms::default() }, ());
    for key in 1..100 {
        put(&mut cache, key, key);
        assert!(cache.entries.weight() <= 100, "{key}");
    }
    assert_eq!((cache.entries.weight(), cache.len()), (99, 1));
}
