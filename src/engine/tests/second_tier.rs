//! Calls with a second tier below the memory: what is loaded, which lease is asked for, what is saved.
//! Another process does what it likes between any two steps; whatever that is, nobody is served a value of
//! another version than was asked for.

use std::collections::HashMap;
use std::ops::ControlFlow::{Break, Continue};

use crate::engine::call::plan::Plan;
use crate::engine::call::policy::{Manner, Refresh, Wish};
use crate::engine::call::protocol::{Event, Step};
use crate::engine::call::record::{Acquired, Record, Saved};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::order;
use crate::engine::session::answers::Scope;
use crate::engine::storage::deferred_drops::DeferredDrops;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, IMMUTABLE, Number, alone, drive, enter, made, probe};
use crate::engine::{Comparisons, clock};

const SECOND: u64 = 1_000_000_000;

/// A record of the store: its value, the version of that, and when it was made.
#[derive(Clone, Copy, Debug)]
struct Kept {
    value: u32,
    version: u32,
    born: u64,
}

impl Kept {
    fn record(&self) -> Record<Number> {
        Record {
            value: Number::new(self.value),
            version: Number::new(self.version),
            age: clock::now().saturating_sub(self.born),
            own_ttl: None,
            weight: 0,
        }
    }
}

/// In place of a value: the call ended without.
const NOTHING: u32 = 0;

/// What happens at a step, in another process or in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    /// Another saves a result of the version of now.
    Saves,
    /// The version changes.
    Changes,
    /// Another takes the lease, or gives it back.
    Leases,
    /// The cache is cleared.
    Clears,
}

/// What happens by chance: as a rule nothing.
const KINDS: [Meanwhile; 8] = [
    Meanwhile::Nothing,
    Meanwhile::Nothing,
    Meanwhile::Nothing,
    Meanwhile::Nothing,
    Meanwhile::Saves,
    Meanwhile::Changes,
    Meanwhile::Leases,
    Meanwhile::Clears,
];

/// A function with a store behind it.
struct World {
    cache: FunctionCache<Fake>,
    scope: Scope,
    store: HashMap<u32, Kept>,
    version: u32,
    runs: u32,
    leased_elsewhere: bool,
    /// The version function fails.
    is_away: bool,
    /// By how much all records are older than they say.
    ages_before_the_clock: u64,
    /// What was done, in order.
    steps: Vec<&'static str>,
}

impl World {
    fn new(terms: Terms) -> Self {
        let terms = Terms { maxsize: Some(9), has_tier: true, ..terms };
        let (cache, store) = (FunctionCache::new(terms, ()), HashMap::new());
        let (scope, steps) = (Scope::default(), Vec::new());
        Self {
            cache,
            scope,
            store,
            version: 1,
            runs: 0,
            leased_elsewhere: false,
            is_away: false,
            ages_before_the_clock: 0,
            steps,
        }
    }

    /// A value tells its version, and the run that made it.
    fn value(&mut self) -> u32 {
        self.runs += 1;
        self.version * 1000 + self.runs
    }

    fn keep(&mut self, key: u32, age: u64) {
        let (value, born) = (self.value(), clock::now().saturating_sub(age));
        self.store.insert(key, Kept { value, version: self.version, born });
    }

    fn happens(&mut self, key: u32, what: Meanwhile) {
        match what {
            Meanwhile::Nothing => {}
            Meanwhile::Saves => self.keep(key, 0),
            Meanwhile::Changes => self.version += 1,
            Meanwhile::Leases => self.leased_elsewhere ^= true,
            Meanwhile::Clears => {
                let mut drops = DeferredDrops::default();
                self.store.clear();
                self.cache.clear(&mut drops);
            }
        }
    }

    /// Calls the function; `during` is what happens before each step. The value or [`NOTHING`], and the
    /// version that was asked for last.
    fn call(&mut self, key: u32, wish: Wish, mut during: impl FnMut() -> Meanwhile) -> (u32, u32) {
        let mut plan = Plan::new(probe(key), None, self.scope.clone(), None, (), wish);
        let (mut event, mut asked) = (Event::Ready, 0);
        loop {
            let mut next = None;
            let step = drive(&mut self.cache, None, &mut plan, event, Break);
            self.happens(key, during());
            event = match step {
                Step::Ask(_) if self.is_away => {
                    self.steps.push("fail");
                    enter(&mut self.cache, None, |cx| plan.end(cx));
                    Event::Failed { stands: true }
                }
                Step::Ask(_) => {
                    asked = self.version;
                    Event::Observed(Number::new(self.version), Vec::new())
                }
                Step::Load(_) => {
                    self.steps.push("load");
                    let older = self.ages_before_the_clock;
                    Event::Loaded(
                        self.store
                            .get(&key)
                            .map(Kept::record)
                            .map(|record| Record { age: record.age + older, ..record }),
                    )
                }
                Step::Acquire => {
                    self.steps.push("acquire");
                    if self.leased_elsewhere {
                        self.leased_elsewhere = false;
                        Event::Acquired(Acquired::Freed)
                    } else {
                        Event::Acquired(Acquired::Held)
                    }
                }
                Step::Compute(_) => {
                    self.steps.push("compute");
                    let value = self.value();
                    Event::Computed(made(value, order::NEVER))
                }
                Step::Save(Saved { value, version, born, .. }) => {
                    self.steps.push("save");
                    self.store.insert(key, Kept { value: value.get(), version: version.get(), born });
                    Event::Ready
                }
                Step::Done(served) => {
                    next = Some(served.value.get());
                    Event::Ready
                }
                Step::Absent | Step::Raise => {
                    next = Some(NOTHING);
                    Event::Ready
                }
                _ => unreachable!("nothing else is asked for"),
            };
            if let Some(value) = next {
                return (value, asked);
            }
        }
    }

    fn calm(&mut self, key: u32) -> u32 {
        self.in_calm(key, Wish::default())
    }

    fn in_calm(&mut self, key: u32, wish: Wish) -> u32 {
        self.steps.clear();
        self.call(key, wish, || Meanwhile::Nothing).0
    }

    /// Calls the function and clears the cache just when the store has told what it has.
    fn cleared_while_it_loads(&mut self, key: u32, wish: Wish) -> u32 {
        let mut plan = Plan::new(probe(key), None, self.scope.clone(), None, (), wish);
        let (is_away, version) = (self.is_away, self.version);
        let kept = self.store[&key];
        drive(&mut self.cache, None, &mut plan, Event::Ready, |step| match step {
            Step::Ask(_) if is_away => Continue(Event::Failed { stands: true }),
            Step::Ask(_) => Continue(Event::Observed(Number::new(version), Vec::new())),
            Step::Load(_) => Break(()),
            _ => unreachable!("it loads"),
        });
        self.happens(key, Meanwhile::Clears);
        drive(&mut self.cache, None, &mut plan, Event::Loaded(Some(kept.record())), |step| match step {
            Step::Load(_) => Continue(Event::Loaded(None)),
            Step::Acquire => Continue(Event::Acquired(Acquired::Held)),
            Step::Compute(_) => Continue(Event::Failed { stands: true }),
            Step::Done(served) => Break(served.value.get()),
            Step::Absent | Step::Raise => Break(NOTHING),
            _ => unreachable!("nothing is saved"),
        })
    }
}

#[test]
fn a_miss_loads_acquires_loads_again_computes_and_saves() {
    let _turn = alone();
    let mut world = World::new(Terms::default());
    assert_eq!(world.calm(1), 1001);
    assert_eq!(world.steps, ["load", "acquire", "load", "compute", "save"]);
    assert_eq!(world.calm(1), 1001);
    assert!(world.steps.is_empty(), "memory answers alone");
    assert_eq!((world.cache.stats.store_hits, world.cache.stats.store_misses), (0, 1));
}

#[test]
fn a_record_of_the_version_is_the_result_and_one_of_another_is_not() {
    let _turn = alone();
    let mut world = World::new(Terms::default());
    world.keep(1, 0);
    assert_eq!(world.calm(1), 1001);
    assert_eq!(world.steps, ["load"]);
    assert_eq!((world.cache.stats.hits, world.cache.stats.misses), (1, 0));
    world.version = 2;
    assert_eq!(world.calm(1), 2002);
    assert_eq!(world.steps, ["load", "acquire", "load", "compute", "save"]);
}

#[test]
fn what_never_changes_is_the_result_under_any_version_and_at_any_age() {
    let _turn = alone();
    clock::mock(100 * SECOND);
    let mut world = World::new(Terms { ttl: Some(SECOND), ..Terms::default() });
    world.version = IMMUTABLE;
    world.keep(1, 50 * SECOND);
    world.version = 3;
    assert_eq!(world.calm(1), IMMUTABLE * 1000 + 1);
    assert_eq!(world.steps, ["load"]);
    clock::unmock();
}

#[test]
fn who_waited_for_a_lease_looks_again() {
    let _turn = alone();
    let mut world = World::new(Terms::default());
    world.leased_elsewhere = true;
    world.steps.clear();
    let mut turn = 0;
    let value = world.call(1, Wish::default(), || {
        turn += 1;
        // Asked, loaded, and while it waits the other saves.
        if turn == 3 { Meanwhile::Saves } else { Meanwhile::Nothing }
    });
    assert_eq!(value, (1001, 1));
    assert_eq!(world.steps, ["load", "acquire", "load"]);
}

#[test]
fn a_record_is_as_old_as_it_is() {
    let _turn = alone();
    clock::mock(1000 * SECOND);
    let mut world = World::new(Terms { ttl: Some(10 * SECOND), ..Terms::default() });
    world.keep(1, 4 * SECOND);
    assert_eq!(world.calm(1), 1001);
    clock::mock(1005 * SECOND);
    assert_eq!(world.calm(1), 1001);
    assert!(world.steps.is_empty());
    clock::mock(1006 * SECOND);
    assert_eq!(world.calm(1), 1002, "ten seconds after its computation began");
    world.keep(2, 10 * SECOND);
    assert_eq!(world.calm(2), 1004, "too old when it was loaded");
    clock::unmock();
}

#[test]
fn one_older_than_the_clock_ends_when_it_ends() {
    let _turn = alone();
    clock::mock(3 * SECOND);
    let mut world = World::new(Terms { ttl: Some(10 * SECOND), ..Terms::default() });
    world.keep(1, 0);
    let mut plan = Plan::new(probe(1), None, world.scope.clone(), None, (), Wish::default());
    // It began before this machine was started.
    let value = drive(&mut world.cache, None, &mut plan, Event::Ready, |step| match step {
        Step::Ask(_) => Continue(Event::Observed(Number::new(1), Vec::new())),
        Step::Load(_) => Continue(Event::Loaded(Some(Record {
            value: Number::new(7),
            version: Number::new(1),
            age: 8 * SECOND,
            own_ttl: None,
            weight: 0,
        }))),
        Step::Done(served) => Break(served.value.get()),
        _ => unreachable!("it is the result"),
    });
    assert_eq!(value, 7);
    clock::mock(5 * SECOND - 1);
    assert_eq!(world.calm(1), 7);
    clock::mock(5 * SECOND);
    assert_ne!(world.calm(1), 7);
    clock::unmock();
}

#[test]
fn what_is_wanted_anew_is_not_loaded() {
    let _turn = alone();
    let mut world = World::new(Terms::default());
    world.keep(1, 0);
    world.steps.clear();
    let (value, _) = world.call(1, Wish::of(Manner::Now), || Meanwhile::Nothing);
    assert_eq!(value, 1002);
    assert_eq!(world.steps, ["acquire", "compute", "save"]);
}

#[test]
fn who_renews_takes_no_record_but_of_what_never_changes() {
    let _turn = alone();
    for (version, named, expected) in [(1, false, 1002), (IMMUTABLE, true, 1002), (IMMUTABLE, false, 1001)] {
        let mut world = World::new(Terms::default());
        world.keep(1, 0);
        if let Some(kept) = world.store.get_mut(&1) {
            kept.version = version;
        }
        world.steps.clear();
        let wish = Wish { refresh: Refresh::Soft, named, ..Wish::of(Manner::Called) };
        let (value, _) = world.call(1, wish, || Meanwhile::Nothing);
        assert_eq!(value, expected, "{version}, {named}");
    }
}

#[test]
fn what_was_loaded_is_renewed_by_who_renews() {
    let _turn = alone();
    let mut world = World::new(Terms::default());
    world.keep(1, 0);
    let before = order::draw();
    assert_eq!(world.calm(1), 1001);
    let found = world.cache.find(&probe(1), &Comparisons::default());
    let slot = found.ok().flatten().and_then(|slot| world.cache.entries.get(slot));
    assert!(slot.is_some_and(|look| look.entry.began() < before), "it was made before");
}

#[test]
fn an_old_record_stands_in_for_a_source_that_fails() {
    let _turn = alone();
    let terms = Terms { stale_if_error: Some(u64::MAX), retry_after: SECOND, ..Terms::default() };
    let mut world = World::new(terms);
    world.keep(1, 0);
    world.version = 2;
    let mut plan = Plan::new(probe(1), None, world.scope.clone(), None, (), Wish::default());
    let World { cache, store, .. } = &mut world;
    let kept = store[&1];
    let value = drive(cache, None, &mut plan, Event::Ready, |step| match step {
        Step::Ask(_) => Continue(Event::Observed(Number::new(2), Vec::new())),
        Step::Load(_) => Continue(Event::Loaded(Some(Record {
            value: Number::new(kept.value),
            version: Number::new(kept.version),
            age: 0,
            own_ttl: None,
            weight: 0,
        }))),
        Step::Acquire => Continue(Event::Acquired(Acquired::Held)),
        Step::Compute(_) => Continue(Event::Failed { stands: true }),
        Step::Done(served) => Break(served.value.get()),
        _ => unreachable!("nothing is saved"),
    });
    assert_eq!(value, 1001);
}

#[test]
fn an_offline_call_takes_what_the_store_has() {
    let _turn = alone();
    let mut world = World::new(Terms { ttl: Some(SECOND), ..Terms::default() });
    let offline = Wish::of(Manner::Offline);
    assert_eq!(world.in_calm(1, offline), NOTHING);
    assert_eq!(world.steps, ["load"]);
    clock::mock(100 * SECOND);
    world.keep(1, 50 * SECOND);
    world.version = 2;
    assert_eq!(world.in_calm(1, offline), 1001, "old, and of another version");
    assert_eq!(world.in_calm(1, offline), 1001);
    assert!(world.steps.is_empty(), "memory answers alone");
    assert_eq!(world.calm(1), 2002, "who is not offline makes a new one");
    assert_eq!((world.cache.stats.store_hits, world.cache.stats.store_misses), (1, 2));
    clock::unmock();
}

#[test]
fn a_record_stands_in_where_no_version_can_be_asked() {
    let _turn = alone();
    clock::mock(100 * SECOND);
    let terms = Terms { stale_if_error: Some(9 * SECOND), retry_after: SECOND, ..Terms::default() };
    let mut world = World::new(terms);
    world.keep(1, 50 * SECOND);
    world.is_away = true;
    assert_eq!(world.calm(1), 1001);
    assert_eq!(world.steps, ["fail", "load"]);
    assert_eq!(world.calm(1), 1001);
    assert!(world.steps.is_empty(), "it failed just now");
    clock::mock(101 * SECOND);
    assert_eq!(world.calm(1), 1001);
    assert_eq!(world.steps, ["fail"]);
    clock::mock(109 * SECOND);
    assert_eq!(world.calm(1), NOTHING, "it has been stale for nine seconds");
    assert_eq!(world.calm(2), NOTHING);
    assert_eq!(world.steps, ["fail", "load"]);
    world.is_away = false;
    assert_eq!(world.calm(1), 1001, "its version is that of the data");
    assert_eq!((world.cache.stats.stale, world.cache.stats.errors), (3, 2));
    clock::unmock();
}

#[test]
fn what_was_over_before_the_clock_began_is_no_fresh_result() {
    let _turn = alone();
    let terms = Terms { ttl: Some(1000 * SECOND), ..Terms::default() };
    let stale = Terms { stale_if_error: Some(10 * SECOND), retry_after: SECOND, ..terms };
    for (terms, expected) in [(terms, 1001), (stale, NOTHING)] {
        clock::mock(100 * SECOND);
        let mut world = World::new(terms);
        world.keep(1, 0);
        world.ages_before_the_clock = 2000 * SECOND;
        let offline = Wish::of(Manner::Offline);
        assert_eq!(world.in_calm(1, offline), expected, "since when it is stale nobody can tell");
        assert_eq!(world.calm(1), 1002, "it is over");
        world.is_away = true;
        world.keep(2, 0);
        assert_eq!(world.calm(2), NOTHING);
        clock::unmock();
    }
}

#[test]
fn nothing_is_looked_for_that_could_not_stand_in() {
    let _turn = alone();
    for (terms, expected) in [
        (Terms::default(), vec!["fail"]),
        (Terms { stale_while_revalidate: Some(u64::MAX), ..Terms::default() }, vec!["fail"]),
        (
            Terms { stale_if_error: Some(u64::MAX), ttl: Some(SECOND), ..Terms::default() },
            vec!["fail", "load"],
        ),
    ] {
        let mut world = World::new(terms);
        world.keep(1, 0);
        world.is_away = true;
        assert_eq!(world.calm(1) != NOTHING, expected.len() == 2);
        assert_eq!(world.steps, expected);
    }
}

#[test]
fn what_was_cleared_while_it_was_loaded_is_not_seen_again() {
    let _turn = alone();
    let terms = Terms { stale_if_error: Some(u64::MAX), retry_after: SECOND, ..Terms::default() };
    for (wish, is_away) in
        [(Wish::of(Manner::Offline), false), (Wish::default(), true), (Wish::default(), false)]
    {
        let mut world = World::new(terms);
        world.keep(1, 0);
        (world.is_away, world.version) = (is_away, 2);
        assert_eq!(world.cleared_while_it_loads(1, wish), NOTHING, "{wish:?}, {is_away}");
        world.is_away = true;
        assert_eq!(world.calm(1), NOTHING);
        assert_eq!(world.in_calm(1, Wish::of(Manner::Offline)), NOTHING);
    }
}

#[test]
fn what_is_made_takes_the_place_of_an_old_record_of_its_version() {
    let _turn = alone();
    clock::mock(100 * SECOND);
    let terms = Terms { ttl: Some(10 * SECOND), stale_if_error: Some(u64::MAX), ..Terms::default() };
    let mut world = World::new(terms);
    world.keep(1, 50 * SECOND);
    assert_eq!(world.calm(1), 1002);
    world.store.clear();
    assert_eq!(world.calm(1), 1002, "memory has it");
    assert!(world.steps.is_empty(), "and it is not made again");
    clock::unmock();
}

#[test]
fn nothing_of_another_version_is_served_whatever_happens_meanwhile() {
    let _turn = alone();
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0)
    };
    for _ in 0..300 {
        let mut world = World::new(Terms::default());
        for _ in 0..20 {
            let key = u32::try_from(random() % 3).unwrap_or(0);
            // Numbers from 100 on are compared by asking.
            if world.version > 90 {
                break;
            }
            let began = world.version;
            let (value, asked) = world.call(key, Wish::default(), || KINDS[random() % KINDS.len()]);
            assert!(asked >= began, "the version is asked for by each call");
            assert!(value / 1000 >= asked, "{value} is of an older version than {asked}");
            let calm = world.calm(key);
            assert_eq!(calm / 1000, world.version);
            let runs = world.runs;
            assert_eq!(world.calm(key), calm);
            assert_eq!(world.runs, runs, "nothing runs again while nothing changes");
        }
    }
}
