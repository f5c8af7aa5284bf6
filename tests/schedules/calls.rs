//! A cached function on that host, and calls of it: they drive a plan as `src/py/call/drive.rs` does.

use std::convert::Infallible;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use loom::sync::Mutex;
use loom::thread;
use versioned_lru_cache::concurrency::completion::Completion;
use versioned_lru_cache::engine::{
    Acquired, Caller, Comparisons, Context, DeferredDrops, Event, Flight as _, FunctionCache, Made, NextStep,
    Plan, Probe, Scope, Step, Terms, Wish, pump,
};

use super::host::{End, Lead, Number, Run, Session, SessionRef, Threads, lock};
use super::store::Store;

/// Loom's clock stands still: who waits, waits until woken.
const SPAN: Duration = Duration::from_secs(1);

/// How a function or a version function ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// With what it read as it began.
    Returns,
    /// With an exception: the number of the run.
    Fails,
    /// With the thread.
    Quits,
    /// With the thread, which does not even tell the store.
    Dies,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Value(u64),
    Error(u64),
    /// The thread is gone.
    Nothing,
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called {
    pub(crate) answer: Answer,
    /// What the version function told this call, if it asked.
    pub(crate) version: Option<u64>,
    /// Whether it waited for another.
    pub(crate) waited: bool,
}

/// What is the case outside of the cache.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) version: u64,
    pub(crate) data: u64,
    /// How often a version function and a function ran.
    pub(crate) asked: u64,
    pub(crate) runs: u64,
    /// Which functions run now, and under which version.
    busy: Vec<(u64, u64)>,
    /// Whether the version function runs now.
    asking: bool,
    flights: Vec<Weak<Completion<End, (), ()>>>,
}

/// What the functions of a model have in common.
pub(crate) struct World {
    pub(crate) facts: Mutex<Facts>,
    scope: Scope,
    /// How the version function and the functions end, by the number of the run.
    asks: fn(u64) -> Body,
    body: fn(u64) -> Body,
    /// Whether two runs of one version may meet: one of them was struck, or somebody has no patience.
    meet: bool,
}

impl World {
    pub(crate) fn new(version: u64, meet: bool, asks: fn(u64) -> Body, body: fn(u64) -> Body) -> Arc<Self> {
        let facts = Facts { version, data: version, ..Facts::default() };
        Arc::new(Self { facts: Mutex::new(facts), scope: Scope::default(), asks, body, meet })
    }

    /// Nobody waits, and nothing is in progress: all that knew a run has let go of it.
    pub(crate) fn is_quiet(&self) -> bool {
        let facts = lock(&self.facts);
        facts.busy.is_empty() && !facts.asking && facts.flights.iter().all(|run| run.strong_count() == 0)
    }

    fn notes(&self, run: Option<&Run>) {
        lock(&self.facts).flights.extend(run.map(|run| Arc::downgrade(&run.0)));
    }

    /// The version function. It runs `alone` where the others of the session wait for it.
    fn ask(&self, alone: bool) -> (Body, u64, u64) {
        let run = {
            let mut facts = lock(&self.facts);
            assert!(!alone || !facts.asking, "the session asks twice at once");
            facts.asking |= alone;
            facts.asked += 1;
            facts.asked
        };
        let mut facts = lock(&self.facts);
        facts.asking &= !alone;
        ((self.asks)(run), run, facts.version)
    }

    /// A function.
    fn run(&self, function: u64, version: Option<u64>) -> (Body, u64, u64) {
        let (run, data, busy) = {
            let mut facts = lock(&self.facts);
            let busy = (function, version.unwrap_or(facts.version));
            assert!(self.meet || !facts.busy.contains(&busy), "computed twice at once");
            facts.busy.push(busy);
            facts.runs += 1;
            (facts.runs, facts.data, busy)
        };
        let mut facts = lock(&self.facts);
        if let Some(place) = facts.busy.iter().position(|other| *other == busy) {
            facts.busy.swap_remove(place);
        }
        ((self.body)(run), run, data)
    }
}

/// A cached function.
pub(crate) struct Function {
    pub(crate) world: Arc<World>,
    number: u64,
    cache: Mutex<FunctionCache<Threads>>,
    /// What lies behind its memory, if anything does.
    store: Option<Arc<Store>>,
}

fn probe() -> Probe<Number> {
    Probe { key: Number::new(1), hash: 1, rules: () }
}

impl Function {
    pub(crate) fn new(world: &Arc<World>, number: u64) -> Arc<Self> {
        Self::made(world, number, None)
    }

    /// The same in a process that shares a store with others.
    pub(crate) fn with_store(world: &Arc<World>, number: u64, store: &Arc<Store>) -> Arc<Self> {
        Self::made(world, number, Some(store.clone()))
    }

    fn made(world: &Arc<World>, number: u64, store: Option<Arc<Store>>) -> Arc<Self> {
        let terms = Terms { maxsize: Some(8), has_tier: store.is_some(), ..Terms::default() };
        let cache = Mutex::new(FunctionCache::new(terms, ()));
        Arc::new(Self { world: world.clone(), number, cache, store })
    }

    /// Runs `act` in the critical section. What is let go is dropped after it.
    fn enter<R>(
        &self,
        session: Option<&Arc<Session>>,
        act: impl FnOnce(&mut Context<'_, Threads>) -> R,
    ) -> R {
        let mut drops = DeferredDrops::default();
        let run = |cache: &mut FunctionCache<Threads>, caller: Option<Caller<'_, Threads>>| {
            act(&mut Context::new(cache, caller, &mut drops))
        };
        let mut cache = lock(&self.cache);
        let done = match session {
            None => run(&mut cache, None),
            Some(session) => {
                let reference = SessionRef(Arc::downgrade(session));
                let memory = &mut lock(&session.memory);
                let caller = Caller { id: session.id, began: session.id, session: &reference, memory };
                run(&mut cache, Some(caller))
            }
        };
        drop(cache);
        drop(drops);
        done
    }

    pub(crate) fn clear(&self) {
        let mut drops = DeferredDrops::default();
        self.enter(None, |cx| cx.cache.clear(&mut drops));
    }

    pub(crate) fn invalidate(&self) {
        let mut drops = DeferredDrops::default();
        let removed =
            self.enter(None, |cx| cx.cache.invalidate(&probe(), &Comparisons::default(), &mut drops));
        assert!(removed.is_ok(), "keys of one object need not be asked");
    }

    /// The version and the value of what is stored.
    pub(crate) fn stored(&self) -> Option<(u64, u64)> {
        self.enter(None, |cx| {
            let cache = &*cx.cache;
            let version = cache.entries().versions().next().map(Number::get);
            version.zip(cache.entries().iter().next().map(|entry| entry.value.get()))
        })
    }

    pub(crate) fn call(&self, session: Option<&Arc<Session>>, patient: bool) -> Called {
        let mut plan = Plan::new(probe(), None, self.world.scope.clone(), None, (), Wish::default());
        let called = Called { answer: Answer::Nothing, version: None, waited: false };
        let mut call = Call { function: self, session, lead: None, leased: false, called };
        let enter = |plan: &mut Plan<Threads>| self.enter(session, |cx| plan.next(cx));
        call.called.answer =
            pump(&mut plan, Event::Ready, enter, |plan, step| call.carry_out(plan, step, patient));
        call.called
    }
}

/// A call under way.
struct Call<'a> {
    function: &'a Function,
    session: Option<&'a Arc<Session>>,
    lead: Option<Lead>,
    /// Whether it holds the lease of the store.
    leased: bool,
    called: Called,
}

impl Call<'_> {
    fn carry_out(
        &mut self,
        plan: &mut Plan<Threads>,
        step: NextStep<Threads>,
        patient: bool,
    ) -> ControlFlow<Answer, Event<Threads>> {
        let world = &*self.function.world;
        match step {
            Step::Compare(mut unsure) => {
                let equal = unsure.ask(
                    |key, probe| Ok::<_, Infallible>(key.get() == probe.key.get()),
                    |pair| Ok(pair.stored.get() == pair.probe.get()),
                );
                Continue(Event::Compared(unsure, equal.unwrap_or_else(|never| match never {})))
            }
            Step::Ask(run) => {
                world.notes(run.as_ref());
                self.lead = run.map(Lead);
                match world.ask(self.lead.is_some()) {
                    (Body::Returns, _, version) => {
                        self.called.version = Some(version);
                        Continue(Event::Observed(Number::new(version), Vec::new()))
                    }
                    (body, run, _) => Break(self.fails(plan, body, run)),
                }
            }
            Step::Wait(run) => {
                self.lead = None;
                if !patient && run.0.is_going() {
                    return Continue(Event::Late);
                }
                self.called.waited = true;
                self.wait(plan, &run)
            }
            Step::Load(run) => {
                if let Some(run) = run {
                    self.leads(run);
                }
                Continue(Event::Loaded(self.store().load()))
            }
            Step::Acquire => {
                let acquired = self.store().acquire();
                self.leased = acquired == Acquired::Held;
                self.called.waited |= acquired == Acquired::Freed;
                Continue(Event::Acquired(acquired))
            }
            Step::Save(saved) => {
                self.store().save(&saved);
                self.release();
                Continue(Event::Ready)
            }
            Step::Compute(run) => {
                self.leads(run);
                match world.run(self.function.number, self.called.version) {
                    (Body::Returns, _, data) => {
                        let value = Number::new(data);
                        let made = Made {
                            value,
                            reads: Vec::new(),
                            wanted: true,
                            seen: None,
                            renewed: false,
                            own_ttl: None,
                            weight: 0,
                        };
                        Continue(Event::Computed(made))
                    }
                    (body, run, _) => Break(self.fails(plan, body, run)),
                }
            }
            Step::Done(served) => {
                self.release();
                if let Some(lead) = self.lead.take() {
                    lead.end(plan.landing().map_or(End::Void, End::Landed));
                }
                Break(Answer::Value(served.value.get()))
            }
            Step::Validate(_) | Step::Holds(_) | Step::Sleep(_) | Step::Absent | Step::Raise => {
                panic!("no such terms")
            }
        }
    }

    /// Leads a run from now on, if not already.
    fn leads(&mut self, run: Run) {
        if self.lead.as_ref().is_none_or(|lead| !lead.0.is(&run)) {
            self.function.world.notes(Some(&run));
            self.lead = Some(Lead(run));
        }
    }

    fn store(&self) -> &Store {
        let Some(store) = &self.function.store else { panic!("there is no store") };
        store
    }

    /// Gives the lease back, as the system does for who is gone.
    fn release(&mut self) {
        if std::mem::take(&mut self.leased) {
            self.store().release();
        }
    }

    /// Waits for another's run. The error, if it ended with one.
    fn wait(&mut self, plan: &mut Plan<Threads>, run: &Run) -> ControlFlow<Answer, Event<Threads>> {
        while run.0.wait(SPAN) {}
        run.0.pass_on();
        let ended = run.0.look(|end| match end {
            Some(End::Failed(error)) => Break(Answer::Error(*error)),
            Some(End::Landed(arrival)) => Continue(Event::Landed(Some(arrival.clone()))),
            _ => Continue(Event::Landed(None)),
        });
        if ended.is_break() {
            self.abandons(plan);
        }
        ended
    }

    fn abandons(&mut self, plan: &mut Plan<Threads>) {
        self.function.enter(self.session, |cx| plan.abandon(cx));
    }

    fn fails(&mut self, plan: &mut Plan<Threads>, body: Body, run: u64) -> Answer {
        self.release();
        if matches!(body, Body::Dies) {
            return Answer::Nothing;
        }
        self.abandons(plan);
        let (end, answer) = match body {
            Body::Fails => (End::Failed(run), Answer::Error(run)),
            _ => (End::Void, Answer::Nothing),
        };
        if let Some(lead) = self.lead.take() {
            lead.end(end);
        }
        answer
    }
}

/// What has been seen in all schedules together.
#[derive(Default)]
pub(crate) struct Seen {
    schedules: AtomicUsize,
    waited: AtomicUsize,
    alone: AtomicUsize,
}

impl Seen {
    fn note(&self, called: &[Called]) {
        let waited = called.iter().any(|call| call.waited);
        self.schedules.fetch_add(1, Ordering::Relaxed);
        if waited { &self.waited } else { &self.alone }.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a thread of a model does; its last call counts.
pub(crate) type Act = Box<dyn FnOnce() -> Called + Send>;

/// Runs the model in all schedules: `acts` each in a thread of its own, then `check`. With a `bound`, in
/// those schedules in which threads are stopped at most so many times where they could go on.
pub(crate) fn in_all_schedules<S: 'static>(
    bound: Option<usize>,
    begin: fn() -> S,
    acts: impl Fn(&S) -> Vec<Act> + Send + Sync + 'static,
    check: fn(&S, &[Called]),
) {
    let seen = Arc::new(Seen::default());
    let mut explorer = loom::model::Builder::new();
    explorer.preemption_bound = bound;
    let noted = seen.clone();
    explorer.check(move || {
        let state = begin();
        let mut acts = acts(&state);
        let last = acts.pop();
        let threads: Vec<_> = acts.into_iter().map(thread::spawn).collect();
        let own = last.map(|act| act());
        let others = threads.into_iter().map(|other| other.join().unwrap_or_else(|_| panic!("a thread")));
        let called: Vec<_> = others.chain(own).collect();
        check(&state, &called);
        noted.note(&called);
    });
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    println!("{} schedules; somebody waited in {}", count(&seen.schedules), count(&seen.waited));
    assert!(count(&seen.waited) > 0, "nobody ever waited");
    assert!(count(&seen.alone) > 0, "somebody waited each time");
}
