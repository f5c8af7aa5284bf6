//! What takes no plan does what one would: the same calls are made of two functions, one of which always
//! takes plans. Dropping anything inside the critical section panics.

use std::ops::ControlFlow::{Break, Continue};
use std::rc::Rc;

use crate::engine::call::plan::Plan;
use crate::engine::call::policy::Wish;
use crate::engine::call::protocol::{Event, Step};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::first_hit::FirstQuestion;
use crate::engine::keys::key::{Object as _, Sought};
use crate::engine::order;
use crate::engine::session::answers::Scope;
use crate::engine::storage::deferred_drops::DeferredDrops;
use crate::engine::terms::Terms;
use crate::engine::tests::fake::{Fake, Number, Session, alone, drive, enter, made, probe, told};
use crate::engine::versions::observation::Observation;
use crate::engine::{Comparisons, clock};

/// A key that is sought.
#[derive(Clone, Copy)]
struct Seek(u32);

impl Sought<Number> for Seek {
    type Other = ();

    fn is(self, key: &Number) -> Result<(), ()> {
        (key.get() == self.0).then_some(()).ok_or(())
    }
}

/// What happens while something runs.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Clear,
    Invalidate,
    /// The function is called with the same argument, in the same session.
    Call,
    /// It is called with so many others, in no session.
    Others(u32),
}

/// A function, and the session in which each place calls it.
struct World {
    cache: FunctionCache<Fake>,
    scope: Scope,
    version: u32,
    /// How often it ran: what it returns.
    runs: u32,
    places: [Option<Rc<Session>>; 3],
    takes_plans: bool,
    /// How often no plan was taken.
    plain: [u32; 2],
}

impl World {
    fn new(takes_plans: bool, maxsize: usize) -> Self {
        let terms = Terms { maxsize: Some(maxsize), ..Terms::default() };
        let cache = FunctionCache::new(terms, ());
        let places = [None, Some(Session::begin()), Some(Session::begin())];
        Self { cache, scope: Scope::default(), version: 1, runs: 0, places, takes_plans, plain: [0; 2] }
    }

    fn meanwhile(&mut self, what: Meanwhile, key: u32, place: usize) {
        let mut drops = DeferredDrops::default();
        match what {
            Meanwhile::Nothing => {}
            Meanwhile::Clear => self.cache.clear(&mut drops),
            Meanwhile::Invalidate => {
                let gone = self.cache.invalidate(&probe(key), &Comparisons::default(), &mut drops);
                assert!(gone.is_ok(), "numbers below 100 need no asking");
            }
            Meanwhile::Call => {
                self.call(key, place, [Meanwhile::Nothing; 2]);
            }
            Meanwhile::Others(number) => {
                (40..40 + number).for_each(|other| {
                    self.call(other, 0, [Meanwhile::Nothing; 2]);
                });
            }
        }
    }

    fn observed(&mut self, since: u64, during: Meanwhile, key: u32, place: usize) -> Observation<Number> {
        let version = Number::new(self.version);
        self.meanwhile(during, key, place);
        let until = order::draw();
        Observation { version, tag: since, since, ticket: since, until, at: clock::now(), reads: None }
    }

    fn computed(&mut self, during: Meanwhile, key: u32, place: usize) -> u32 {
        self.runs += 1;
        let value = self.runs;
        self.meanwhile(during, key, place);
        value
    }

    /// Calls the function; `during` is what happens while the version function runs, and while it does.
    fn call(&mut self, key: u32, place: usize, during: [Meanwhile; 2]) -> u32 {
        let session = self.places[place].clone();
        if self.takes_plans {
            let plan = Plan::new(probe(key), None, self.scope.clone(), None, (), Wish::default());
            return self.drive(plan, Event::Ready, key, place, during);
        }
        let (probe, scope) = (probe(key), self.scope.clone());
        let sought = (probe.hash, Seek(key));
        let question =
            enter(&mut self.cache, session.as_ref(), |cx| cx.begin_first(sought, (&scope, None), &()));
        if let Some(question) = question {
            return self.ask_first(question, key, place, during);
        }
        let asked = if session.is_none() && self.cache.lacks(probe.hash) {
            let since = order::draw();
            Some(self.observed(since, during[0], key, place))
        } else {
            None
        };
        let begun =
            enter(&mut self.cache, session.as_ref(), |cx| cx.begin_plainly(probe, &(), asked.as_ref()));
        match begun {
            Ok((miss, flight)) => {
                self.cache.stats.version_calls += u64::from(asked.is_some());
                let value = self.computed(during[1], key, place);
                flight.land();
                let made_of = Number::new(value);
                let ended = enter(&mut self.cache, session.as_ref(), |cx| cx.end_plainly(miss, made_of));
                let Some(miss) = ended else {
                    self.plain[0] += 1;
                    return value;
                };
                let event = Event::Computed(made(value, order::NEVER));
                self.drive(miss.plan(scope, ()), event, key, place, during)
            }
            Err(probe) => {
                let mut plan = Plan::new(probe, None, scope, None, (), Wish::default());
                let mut event = Event::Ready;
                if let Some(asked) = asked {
                    self.cache.stats.version_calls += 1;
                    plan.begin_asked(asked.since, asked.at);
                    event = Event::Observed(asked.version, Vec::new());
                }
                self.drive(plan, event, key, place, during)
            }
        }
    }

    fn ask_first(
        &mut self,
        question: FirstQuestion<Fake>,
        key: u32,
        place: usize,
        during: [Meanwhile; 2],
    ) -> u32 {
        let (scope, hash, session) = (self.scope.clone(), probe(key).hash, self.places[place].clone());
        let observed = self.observed(question.candidate.since, during[0], key, place);
        question.flight.land();
        if question.candidate.version.native_eq(&observed.version) == Some(true) {
            let served = enter(&mut self.cache, session.as_ref(), |cx| {
                cx.answer_first(hash, (&scope, None), &question, &observed)
            });
            if let Some((value, _)) = served {
                self.plain[1] += 1;
                return value.get();
            }
        }
        let mut plan = Plan::new(probe(key), None, scope, None, (), Wish::default());
        plan.begin_asked_for_all((observed.since, observed.at), question.flight);
        self.cache.stats.version_calls += 1;
        self.drive(plan, Event::Observed(observed.version, Vec::new()), key, place, during)
    }

    fn drive(
        &mut self,
        mut plan: Plan<Fake>,
        mut event: Event<Fake>,
        key: u32,
        place: usize,
        during: [Meanwhile; 2],
    ) -> u32 {
        let session = self.places[place].clone();
        loop {
            let step = drive(&mut self.cache, session.as_ref(), &mut plan, event, |step| match step {
                Step::Compare(mut unsure) => {
                    let equal = told(&mut unsure);
                    Continue(Event::Compared(unsure, equal))
                }
                // Nothing is part of anything here, so that a call within would wait for what is around it.
                Step::Wait(run) => Continue(Event::Circle(run)),
                step => Break(step),
            });
            event = match step {
                Step::Ask(run) => {
                    let observed = self.observed(order::draw(), during[0], key, place);
                    self.cache.stats.version_calls += 1;
                    drop(run);
                    Event::Observed(observed.version, Vec::new())
                }
                Step::Compute(_) => Event::Computed(made(self.computed(during[1], key, place), order::NEVER)),
                Step::Done(served) => return served.value.get(),
                _ => panic!("no such terms"),
            };
        }
    }
}

#[test]
fn calls_without_a_plan_are_what_those_with_one_are() {
    let _alone = alone();
    clock::mock(1_000_000_000);
    let mut plain = [0; 2];
    for seed in 1..=60_u32 {
        let maxsize = if seed.is_multiple_of(2) { 5 } else { 30 };
        let mut worlds = [World::new(true, maxsize), World::new(false, maxsize)];
        let mut random = u64::from(seed);
        let mut draw = |below: u32| {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            u32::try_from(random >> 33).unwrap_or(0) % below
        };
        let mut story = Vec::new();
        for _ in 0..400 {
            let (act, key, place) = (draw(40), draw(12), usize::try_from(draw(3)).unwrap_or(0));
            let mut meanwhile = || match draw(12) {
                0 => Meanwhile::Clear,
                1 => Meanwhile::Invalidate,
                2 => Meanwhile::Call,
                3 => Meanwhile::Others(draw(6)),
                _ => Meanwhile::Nothing,
            };
            let during = [meanwhile(), meanwhile()];
            story.push((act, key, place, during));
            let answers = worlds.each_mut().map(|world| match act {
                0 => {
                    world.version += 1;
                    0
                }
                1..=9 if place > 0 => {
                    world.places[place] = Some(Session::begin());
                    0
                }
                _ => world.call(key, place, during),
            });
            assert_eq!(answers[0], answers[1], "seed {seed}: {story:?}");
            let stats = worlds
                .each_ref()
                .map(|world| (world.cache.stats, world.cache.len(), world.cache.evicted().len()));
            assert_eq!(stats[0], stats[1], "seed {seed}: {story:?}");
            assert!(worlds.iter().all(|world| world.cache.flights.is_empty()), "seed {seed}: {story:?}");
        }
        plain = [plain[0] + worlds[1].plain[0], plain[1] + worlds[1].plain[1]];
    }
    assert!(plain[0] > 5_000 && plain[1] > 250, "enough took none: {plain:?}");
}
