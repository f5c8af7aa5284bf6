//! The rows of the call table, one by one, on a host without Python. Dropping anything inside the critical
//! section panics.

use std::ops::ControlFlow::{Break, Continue};
use std::rc::Rc;

use crate::engine::call::plan::Plan;
use crate::engine::call::policy::Wish;
use crate::engine::call::protocol::{Event, Served, Step};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::session_hint::HitAttempt;
use crate::engine::keys::key::Sought;
use crate::engine::session::answers::Scope;
use crate::engine::storage::deferred_drops::DeferredDrops;
use crate::engine::storage::touches::Touches;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, Run, Session, alone, drive, enter, looks, made, probe, told};
use crate::engine::{clock, order};

const SECOND: u64 = 1_000_000_000;

/// A function and the data it reads.
struct World {
    cache: FunctionCache<Fake>,
    scope: Scope,
    version: u32,
    asked: u32,
    computed: u32,
    now: u64,
}

impl World {
    fn new(maxsize: Option<usize>, ttl: Option<u64>) -> Self {
        clock::mock(SECOND);
        let cache = FunctionCache::new(Terms { maxsize, ttl, ..Terms::default() }, ());
        Self { cache, scope: Scope::default(), version: 1, asked: 0, computed: 0, now: SECOND }
    }

    fn sleep(&mut self, nanos: u64) {
        self.now += nanos;
        clock::mock(self.now);
    }

    fn plan(&self, key: u32) -> Plan<Fake> {
        Plan::new(probe(key), None, self.scope.clone(), None, (), Wish::default())
    }

    /// Drives a plan until it wants to compute, or is done.
    fn drive(&mut self, plan: &mut Plan<Fake>, session: Option<&Rc<Session>>) -> Option<Served<Number, Run>> {
        let (version, asked) = (self.version, &mut self.asked);
        drive(&mut self.cache, session, plan, Event::Ready, |step| match step {
            Step::Ask(_) => {
                *asked += 1;
                Continue(Event::Observed(Number::new(version), Vec::new()))
            }
            Step::Wait(flight) => Continue(Event::Circle(flight)),
            Step::Compute(_) => Break(None),
            Step::Done(served) => Break(Some(served)),
            _ => panic!("no such terms"),
        })
    }

    /// One call. A result is the number of its computation.
    fn call(&mut self, session: Option<&Rc<Session>>, key: u32) -> u32 {
        let mut plan = self.plan(key);
        let served = self.drive(&mut plan, session).unwrap_or_else(|| {
            self.computed += 1;
            plan.take(Event::Computed(made(self.computed, order::NEVER)));
            self.drive(&mut plan, session).unwrap_or_else(|| panic!("computed twice"))
        });
        served.value.get()
    }

    /// Ends a session.
    fn end(&mut self, session: Rc<Session>) {
        let (id, mut drops) = (session.id, DeferredDrops::default());
        drop(session);
        self.cache.leave(id, &mut drops);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        clock::unmock();
    }
}

#[test]
fn known_in_the_session_is_served_and_nothing_asked() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let session = Session::begin();
    assert_eq!(world.call(Some(&session), 1), 1);
    world.version = 2;
    assert_eq!(world.call(Some(&session), 1), 1);
    assert_eq!((world.asked, world.computed), (1, 1));
}

#[test]
fn an_equal_version_is_served_and_marked_verified() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    for _ in 0..3 {
        assert_eq!(world.call(Some(&Session::begin()), 150), 1);
    }
    assert_eq!((world.asked, world.cache.stats.verified), (3, 2));
}

#[test]
fn a_changed_version_is_computed_and_the_reader_of_before_keeps_its_result() {
    let _turn = alone();
    let mut world = World::new(Some(1), None);
    let old = Session::begin();
    assert_eq!(world.call(Some(&old), 1), 1);
    world.version = 2;
    let new = Session::begin();
    assert_eq!(world.call(Some(&new), 1), 2);
    assert_eq!(world.call(Some(&new), 2), 3);
    assert_eq!((world.call(Some(&old), 1), world.call(Some(&new), 1)), (1, 2));
}

#[test]
fn age_equal_to_the_ttl_is_expired() {
    let _turn = alone();
    let mut world = World::new(Some(8), Some(10 * SECOND));
    let session = Session::begin();
    assert_eq!(world.call(Some(&session), 1), 1);
    world.sleep(10 * SECOND - 1);
    assert_eq!(world.call(Some(&session), 1), 1);
    world.sleep(1);
    assert_eq!(world.call(Some(&session), 1), 2);
    assert_eq!(world.asked, 2, "an observation of that age says nothing any more");
}

#[test]
fn an_entry_of_a_newer_observation_is_served_and_remembered() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let old = Session::begin();
    assert_eq!(world.call(Some(&old), 1), 1);
    world.version = 2;
    assert_eq!(world.call(Some(&Session::begin()), 2), 2);
    assert_eq!(world.call(Some(&old), 2), 2);
    world.version = 3;
    assert_eq!(world.call(Some(&Session::begin()), 2), 3);
    assert_eq!(world.call(Some(&old), 2), 2, "the same object again");
}

#[test]
fn a_late_result_of_an_older_observation_is_kept_for_its_session_only() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let slow = Session::begin();
    let mut plan = world.plan(1);
    assert!(world.drive(&mut plan, Some(&slow)).is_none());
    world.version = 2;
    assert_eq!(world.call(Some(&Session::begin()), 1), 1);
    plan.take(Event::Computed(made(77, order::NEVER)));
    assert_eq!(world.drive(&mut plan, Some(&slow)).map(|served| served.value.get()), Some(77));
    assert_eq!(world.call(Some(&slow), 1), 77);
    assert_eq!(world.call(Some(&Session::begin()), 1), 1);
    assert_eq!(world.cache.stats.not_stored, 1);
}

#[test]
fn what_was_built_on_something_older_is_kept_for_its_session_only() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let session = Session::begin();
    let mut plan = world.plan(1);
    assert!(world.drive(&mut plan, Some(&session)).is_none());
    let older = plan.ticket() - 1;
    plan.take(Event::Computed(made(77, older)));
    assert_eq!(world.drive(&mut plan, Some(&session)).map(|served| served.basis.ticket), Some(older));
    assert!(world.cache.is_empty());
    assert_eq!(world.call(Some(&session), 1), 77);
}

#[test]
fn a_failure_leaves_what_was_there() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    assert_eq!(world.call(None, 1), 1);
    world.version = 2;
    let mut plan = world.plan(1);
    assert!(world.drive(&mut plan, None).is_none());
    enter(&mut world.cache, None, |cx| plan.abandon(cx));
    world.version = 1;
    assert_eq!(world.call(None, 1), 1);
}

#[test]
fn an_invalidation_strikes_the_computation_of_its_key_alone() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let (mut struck, mut spared) = (world.plan(121), world.plan(131));
    assert!(world.drive(&mut struck, None).is_none() && world.drive(&mut spared, None).is_none());
    let (target, mut comparisons, mut drops) =
        (probe(121), crate::engine::Comparisons::default(), DeferredDrops::default());
    while let Err(mut unsure) = world.cache.invalidate(&target, &comparisons, &mut drops) {
        let equal = told(&mut unsure);
        comparisons.learn(unsure, equal);
    }
    for plan in [&mut struck, &mut spared] {
        plan.take(Event::Computed(made(5, order::NEVER)));
        assert!(world.drive(plan, None).is_some());
    }
    assert_eq!(world.cache.len(), 1);
    world.call(None, 131);
    assert_eq!(world.computed, 0, "131 was stored");
}

#[test]
fn the_least_recently_used_leaves_first() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    for key in [1, 11, 1, 21] {
        world.call(None, key);
    }
    let keys: Vec<_> = world.cache.entries().iter().map(|entry| entry.key.get()).collect();
    assert_eq!((keys, world.cache.stats.evictions), (vec![21, 1], 1));
}

#[test]
fn what_is_gone_leaves_the_store_and_the_shelves() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    let session = Session::begin();
    for key in [1010, 1020, 1030, 40] {
        world.call(Some(&session), key);
    }
    let mut drops = DeferredDrops::default();
    let hash = probe(1010).hash;
    world.cache.strike(Some(hash), crate::engine::Key::is_gone, &mut drops);
    assert_eq!((drops.entries(), world.cache.len()), (3, 1), "two shelved, one stored");
    assert_eq!(world.call(Some(&session), 40), 4);
    assert_eq!(world.call(Some(&session), 1010), 5);
}

#[test]
fn what_saw_something_older_than_its_answer_never_vouches_for_its_own_observation() {
    let _turn = alone();
    let mut world = World::new(Some(8), None);
    let session = Session::begin();
    let (mut outer, mut inner) = (world.plan(1), world.plan(1));
    assert!(
        world.drive(&mut outer, Some(&session)).is_none()
            && world.drive(&mut inner, Some(&session)).is_none()
    );
    // Observed while the version function ran: before or after what that saw, nobody knows.
    inner.take(Event::Computed(made(7, inner.ticket() + 1)));
    let vouch = world.drive(&mut inner, Some(&session)).map(|served| served.basis.ticket);
    assert!(
        vouch.is_some_and(|vouch| vouch < outer.ticket()),
        "else the outer one takes it for as new as itself"
    );
}

/// What the hit path looks for: a number that is stored.
#[derive(Clone, Copy)]
struct Seeking(u32);

impl Sought<Number> for Seeking {
    type Other = ();

    fn is(self, key: &Number) -> Result<(), ()> {
        (key.get() == self.0).then_some(()).ok_or(())
    }
}

/// Hits of a session that knows all of 1, 2 and 3, which only look or change the cache; what was counted and
/// which keys are left when two others come.
fn hits_leave(beside: bool, keys: &[u32]) -> (u64, Vec<u32>) {
    let mut world = World::new(Some(3), None);
    let (session, mut touches) = (Session::begin(), Touches::default());
    for key in 1..4 {
        world.call(Some(&session), key);
    }
    let cache = &mut world.cache;
    for key in keys {
        let (hash, id, sought) = (probe(*key).hash, session.id, Seeking(*key));
        let value = loop {
            if !beside {
                break cache.hit(hash, id, clock::latest, sought, |look| look.entry.value.get());
            }
            match cache
                .hit_beside(&mut touches, (hash, id), clock::latest, sought, |look| look.entry.value.get())
            {
                Ok(HitAttempt::Full) => cache.take_up(&mut touches),
                Ok(HitAttempt::Taken(value)) => break Ok(Some(value)),
                _ => break Ok(None),
            }
        };
        assert_eq!(value, Ok(Some(*key)));
    }
    cache.take_up(&mut touches);
    let hits = cache.stats.hits;
    world.call(Some(&session), 4);
    world.call(Some(&session), 5);
    (hits, world.cache.entries().iter().map(|entry| entry.key.get()).collect())
}

#[test]
fn hits_that_only_look_leave_behind_what_others_do() {
    let _turn = alone();
    for keys in [[1, 2, 2, 3, 2, 2].repeat(40), [3, 2, 1, 1, 3, 3].repeat(40), vec![1, 1], vec![]] {
        assert_eq!(hits_leave(true, &keys), hits_leave(false, &keys), "{keys:?}");
    }
    assert_eq!(hits_leave(true, &[3, 2, 1, 1]), (4, vec![5, 4, 1]));
}

/// Sessions that have all read 90, which was stored before they began.
fn readers(world: &mut World, count: usize) -> Vec<Rc<Session>> {
    world.call(None, 90);
    let sessions: Vec<_> = (0..count).map(|_| Session::begin()).collect();
    for session in &sessions {
        world.call(Some(session), 90);
    }
    sessions
}

#[test]
fn what_left_lies_there_once_for_all_who_may_have_seen_it() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    let before = world.call(None, 1);
    let sessions = readers(&mut world, 3);
    let late = Session::begin();
    for key in 2..4 {
        world.call(None, key);
    }
    assert_eq!(world.cache.evicted().len(), 2, "1 and 90");
    for session in sessions.iter().chain(&sessions) {
        assert_eq!(world.call(Some(session), 1), before);
    }
    assert_ne!(world.call(Some(&late), 1), before, "it had not read the function");
}

#[test]
fn what_left_goes_with_the_oldest_session_that_may_have_seen_it() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    world.call(None, 1);
    let mut sessions = readers(&mut world, 1);
    world.call(None, 2);
    assert_eq!(world.cache.evicted().len(), 1);
    sessions.extend(readers(&mut world, 1));
    world.call(None, 3);
    assert_eq!(world.cache.evicted().len(), 2, "90 was there before the second began");
    let second = sessions.pop();
    for session in sessions {
        world.end(session);
    }
    assert_eq!(world.cache.evicted().len(), 1, "what left before the second began goes");
    if let Some(second) = second {
        world.end(second);
    }
    assert!(world.cache.evicted().is_empty());
    world.call(None, 4);
    assert!(world.cache.evicted().is_empty(), "nobody may have seen it");
}

#[test]
fn of_more_than_maxsize_that_left_the_first_goes() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    let mut sessions = readers(&mut world, 1);
    for key in 1..10 {
        world.call(None, key);
        sessions.extend(readers(&mut world, 1));
        assert!(world.cache.evicted().len() <= 2);
    }
    assert_eq!(world.cache.evicted().len(), 2);
}

#[test]
fn who_was_given_something_else_does_not_go_back() {
    let _turn = alone();
    let mut world = World::new(Some(1), None);
    let old = world.call(None, 1);
    let (one, two) = (Session::begin(), Session::begin());
    for session in [&one, &two] {
        assert_eq!(world.call(Some(session), 1), old);
    }
    let mut refresh =
        Plan::new(probe(1), None, world.scope.clone(), None, (), Wish::of(crate::engine::Manner::Now));
    assert!(world.drive(&mut refresh, Some(&one)).is_none());
    refresh.take(Event::Computed(made(70, order::NEVER)));
    world.drive(&mut refresh, Some(&one));
    // What it keeps of that goes for what comes later.
    for key in 2..4 {
        world.call(Some(&one), key);
    }
    assert_eq!(world.call(Some(&two), 1), old);
    assert_ne!(world.call(Some(&one), 1), old);
}

#[test]
fn what_lives_and_what_left_is_noted_once_for_all_who_were_given_it() {
    let _turn = alone();
    let mut world = World::new(Some(1), None);
    let sessions = readers(&mut world, 3);
    let made = world.call(sessions.first(), 1);
    for round in 2..4 {
        for session in &sessions {
            assert_eq!(world.call(Some(session), 1), made, "stored after it began");
        }
        world.call(None, round);
    }
    assert_eq!(world.cache.evicted().len(), 1, "1 alone: nobody has seen 2");
    for session in sessions {
        world.end(session);
    }
    assert!(world.cache.evicted().is_empty());
}

#[test]
fn an_eviction_looks_at_few_sessions_however_many_live() {
    let _turn = alone();
    let mut world = World::new(Some(2), None);
    let mut sessions = readers(&mut world, 1_000);
    world.call(None, 1);
    for key in 2..10 {
        assert!(looks(|| world.call(None, key)) <= 4);
        assert!(looks(|| world.call(sessions.last(), 10 + key)) <= 4);
    }
    let target = probe(2);
    let invalidate = |world: &mut World| {
        let mut drops = DeferredDrops::default();
        while let Err(mut unsure) =
            world.cache.invalidate(&target, &crate::engine::Comparisons::default(), &mut drops)
        {
            told(&mut unsure);
        }
    };
    assert!(looks(|| invalidate(&mut world)) <= 10, "only those that keep something");
    assert!(looks(|| world.cache.clear(&mut DeferredDrops::default())) <= 10);
    sessions.truncate(0);
    assert!(looks(|| world.call(None, 30)) <= 1_000, "each of those that ended without a word once");
    world.call(None, 31);
    assert!(looks(|| world.call(None, 32)) == 0);
}
