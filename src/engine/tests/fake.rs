//! A host for the engine's own tests: numbers that drop loudly, keys of numbers, and sessions without
//! threads.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::rc::{Rc, Weak};

use crate::engine::call::plan::Plan;
use crate::engine::call::protocol::{Event, Made, NextStep, Step};
use crate::engine::call::pump::pump;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::{Caller, Context};
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::Unsure;
use crate::engine::keys::key::{Object, Probe};
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::Audience;
use crate::engine::session::session_memory::SessionMemory;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::versions::read_log::Read;

thread_local! {
    /// Whether the critical section is entered: then nothing may be dropped.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// How often stores have looked at sessions.
    static LOOKS: Cell<u32> = const { Cell::new(0) };
    /// How often two numbers were asked whether they are equal.
    static COMPARISONS: Cell<u32> = const { Cell::new(0) };
}

/// How often stores look at sessions while `act` runs.
pub(crate) fn looks<R>(act: impl FnOnce() -> R) -> u32 {
    let before = LOOKS.get();
    act();
    LOOKS.get() - before
}

/// How often numbers are asked whether they are equal while `act` runs.
pub(crate) fn comparisons(act: impl FnOnce()) -> u32 {
    let before = COMPARISONS.get();
    act();
    COMPARISONS.get() - before
}

/// The version of what never changes.
pub(crate) const IMMUTABLE: u32 = 99;

/// Numbers from 100 on can only be compared by asking, as objects with an `==` of their own; as keys, those
/// from 1000 on are gone.
#[derive(Clone, Debug)]
pub(crate) struct Number(Rc<u32>);

impl Number {
    pub(crate) fn new(value: u32) -> Self {
        Self(Rc::new(value))
    }

    pub(crate) fn get(&self) -> u32 {
        *self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        assert!(
            !INSIDE.get() || std::thread::panicking(),
            "{} was dropped inside of the critical section",
            self.0
        );
    }
}

impl Object for Number {
    type Key = Self;

    fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    fn native_eq(&self, other: &Self) -> Option<bool> {
        (*self.0 < 100 || *other.0 < 100).then_some(self.0 == other.0)
    }

    fn is_immutable(&self) -> bool {
        *self.0 == IMMUTABLE
    }
}

impl crate::engine::Key for Number {
    type Object = Self;
    type Rules = ();

    fn matches(&self, probe: &Probe<Self>) -> Option<bool> {
        if self.is(&probe.key) { Some(true) } else { self.native_eq(&probe.key) }
    }

    fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    fn is_gone(&self) -> bool {
        self.get() >= 1000
    }
}

/// The host.
pub(crate) struct Fake;

impl Host for Fake {
    type Object = Number;
    type Key = Number;
    type Session = SessionRef;
    type Held = Rc<Session>;
    type Flight = Run;
    type Function = ();
}

/// A run that goes on until it is said to have landed.
#[derive(Clone)]
pub(crate) struct Run(Rc<Cell<bool>>);

impl Run {
    pub(crate) fn land(&self) {
        self.0.set(false);
    }
}

impl Flight for Run {
    type Leader = ();

    fn begin((): &()) -> Self {
        Self(Rc::new(Cell::new(true)))
    }

    fn encloses(&self, (): &()) -> bool {
        false
    }

    fn serves(&self, (): &()) -> bool {
        self.is_going()
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    fn is_going(&self) -> bool {
        self.0.get()
    }
}

/// A session.
pub(crate) struct Session {
    pub(crate) id: Ticket,
    memory: RefCell<SessionMemory<Fake>>,
}

impl Session {
    pub(crate) fn begin() -> Rc<Self> {
        Rc::new(Self { id: order::draw_for_session(), memory: RefCell::default() })
    }
}

#[derive(Clone)]
pub(crate) struct SessionRef(Weak<Session>);

impl Audience<Fake> for SessionRef {
    fn reach<R>(
        &self,
        id: Ticket,
        drops: &mut DeferredDrops<Fake>,
        act: impl FnOnce(&mut SessionMemory<Fake>, &mut DeferredDrops<Fake>) -> R,
    ) -> Option<R> {
        LOOKS.set(LOOKS.get() + 1);
        let session = self.0.upgrade()?;
        let result = (session.id == id).then(|| act(&mut session.memory.borrow_mut(), drops));
        drops.push(Leaving::Held(session));
        result
    }

    fn is_alive(&self, id: Ticket, drops: &mut DeferredDrops<Fake>) -> bool {
        LOOKS.set(LOOKS.get() + 1);
        let Some(session) = self.0.upgrade() else { return false };
        let alive = session.id == id;
        drops.push(Leaving::Held(session));
        alive
    }
}

/// Runs `act` in the critical section of a function's cache, for a session. What is let go is dropped after
/// it.
pub(crate) fn enter<R>(
    cache: &mut FunctionCache<Fake>,
    session: Option<&Rc<Session>>,
    act: impl FnOnce(&mut Context<'_, Fake>) -> R,
) -> R {
    INSIDE.set(true);
    let mut drops = DeferredDrops::default();
    let run = |caller: Option<Caller<'_, Fake>>| act(&mut Context::new(cache, caller, &mut drops));
    let result = match session {
        None => run(None),
        Some(session) => {
            let reference = SessionRef(Rc::downgrade(session));
            let memory = &mut session.memory.borrow_mut();
            run(Some(Caller { id: session.id, began: session.id, session: &reference, memory }))
        }
    };
    INSIDE.set(false);
    drop(drops);
    result
}

/// Drives a plan, comparing what is to be compared, until `carry_out` stops it.
pub(crate) fn drive<S>(
    cache: &mut FunctionCache<Fake>,
    session: Option<&Rc<Session>>,
    plan: &mut Plan<Fake>,
    event: Event<Fake>,
    mut carry_out: impl FnMut(NextStep<Fake>) -> ControlFlow<S, Event<Fake>>,
) -> S {
    let enter = |plan: &mut Plan<Fake>| enter(cache, session, |cx| plan.next(cx));
    pump(plan, event, enter, |_, step| match step {
        Step::Compare(mut unsure) => {
            let equal = told(&mut unsure);
            ControlFlow::Continue(Event::Compared(unsure, equal))
        }
        step => carry_out(step),
    })
}

/// What a function made, that has read something which vouches for `oldest`.
pub(crate) fn made(value: u32, oldest: Ticket) -> Made<Number> {
    let read = Read { tag: oldest, ticket: oldest, call: Number::new(0) };
    let reads = if oldest == order::NEVER { Vec::new() } else { vec![read] };
    Made {
        value: Number::new(value),
        reads,
        wanted: true,
        seen: None,
        renewed: false,
        own_ttl: None,
        weight: 0,
    }
}

/// What the owners of numbers say.
pub(crate) fn told(unsure: &mut Unsure<Number>) -> bool {
    COMPARISONS.set(COMPARISONS.get() + 1);
    let equal = unsure.ask(
        |key, probe| Ok::<_, Infallible>(key.get() == probe.key.get()),
        |pair| Ok(pair.stored.get() == pair.probe.get()),
    );
    equal.unwrap_or_else(|never| match never {})
}

/// A key to look for. All of one hash share the same low digit.
pub(crate) fn probe(value: u32) -> Probe<Number> {
    Probe { key: Number::new(value), hash: u64::from(value % 10), rules: () }
}

/// The clock is the whole process's, so the tests take turns.
pub(crate) fn alone() -> impl Drop {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    #[expect(clippy::disallowed_methods, reason = "tests only")]
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
