//! The snapshot of one session, as it is taken bit by bit: the answers of version functions, and for each
//! function that it called (for which it is a *reader*) the answer it goes by and the results pinned for it,
//! that it is to see again though the cache lost them.

use std::sync::{Arc, Weak};

use crate::engine::host::{Decided, Flight, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Probe};
use crate::engine::order::Ticket;
use crate::engine::session::answers::{Answers, Scope};
use crate::engine::session::cache_status::CallLog;
use crate::engine::session::reader::Reader;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::tables::small_map::SmallMap;
use crate::engine::versions::observation::{CompactObservation, Observation};

/// A version function that is being asked.
struct Asking<H: Host> {
    scope: Ticket,
    given: Option<H::Key>,
    flight: H::Flight,
    /// When it began, in the order of events.
    since: Ticket,
}

/// Who asks.
pub enum Asks<F> {
    /// Nobody.
    Nobody,
    /// A run that will answer for the caller too; and when it began.
    Another(F, Ticket),
    /// One that the caller is part of. What it asks within is for nobody else.
    Itself,
}

/// Where it lies among others.
fn hash_of<K: Key>(scope: &Scope, given: Option<&Probe<K>>) -> u64 {
    given.map_or(0, |given| given.hash) ^ scope.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// All that one session remembers.
pub struct SessionMemory<H: Host> {
    /// How many of its calls were answered with a value that was not fresh.
    pub stale: u64,
    /// What its latest calls did that were not answered at once.
    pub log: CallLog,
    /// A version function that is being asked, if it is given nothing: most sessions ask no other.
    asking: Option<Asking<H>>,
    /// All others.
    also_asking: Option<Box<LruSlab<Asking<H>>>>,
    answers: SmallMap<(Weak<Ticket>, Answers<H>)>,
    /// By function.
    pub readers: SmallMap<Reader<H>>,
}

impl<H: Host> Default for SessionMemory<H> {
    fn default() -> Self {
        Self {
            stale: 0,
            log: CallLog::default(),
            asking: None,
            also_asking: None,
            answers: SmallMap::default(),
            readers: SmallMap::default(),
        }
    }
}

impl<H: Host> SessionMemory<H> {
    /// The answers of a scope. Those of scopes that no function uses any more are forgotten by and by.
    pub fn answers(&mut self, scope: &Scope, drops: &mut DeferredDrops<H>) -> &mut Answers<H> {
        if self.answers.is_full() && self.answers.get(*scope.0).is_none() {
            let gone = self.answers.strike(|(scope, _)| scope.strong_count() == 0);
            drops.extend(gone.map(|(_, answers)| Leaving::Whole(Box::new(answers))));
        }
        let known =
            self.answers.get_or_insert_with(*scope.0, || (Arc::downgrade(&scope.0), Answers::default()));
        &mut known.1
    }

    /// The same, if there are any.
    pub(crate) fn answers_of(&self, scope: &Scope) -> Option<&Answers<H>> {
        self.answers.get(*scope.0).map(|(_, answers)| answers)
    }

    /// What a function goes by, for what its version function is given.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared.
    pub fn seen(
        &self,
        (function, scope): (Ticket, &Scope),
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<&CompactObservation<H::Object>>> {
        let Some(reader) = self.readers.get(function) else { return Ok(None) };
        let own = reader.seen.peek(given, comparisons)?;
        if own.is_some() || given.is_none() {
            return Ok(own);
        }
        let answers = self.answers_of(scope).filter(|answers| answers.reader == function);
        let answer = answers.map_or(Ok(None), |answers| answers.peek(given, comparisons))?;
        Ok(answer.filter(|answer| answer.is_marked()))
    }

    /// The same as one that is used, and to be changed.
    ///
    /// # Errors
    /// As [`SessionMemory::seen`].
    pub(crate) fn seen_mut(
        &mut self,
        (function, scope): (Ticket, &Scope),
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<&mut CompactObservation<H::Object>>, Unsure<H::Object>> {
        let Some(reader) = self.readers.get_mut(function) else { return Ok(None) };
        if given.is_none() || reader.seen.peek(given, comparisons)?.is_some() {
            return reader.seen.get(given, comparisons);
        }
        let Some((_, answers)) = self.answers.get_mut(*scope.0) else { return Ok(None) };
        if answers.reader != function {
            return Ok(None);
        }
        Ok(answers.get(given, comparisons)?.filter(|answer| answer.is_marked()))
    }

    /// Lets a function go by an observation from now on, which may be what its scope was answered.
    ///
    /// # Errors
    /// As [`SessionMemory::seen`], before anything has changed.
    pub(crate) fn go_by(
        &mut self,
        (function, scope): (Ticket, &Scope),
        (given, observation): (Option<&Probe<H::Key>>, &Observation<H::Object>),
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(reader) = self.readers.get_mut(function) else { return Ok(()) };
        let (new, bound) = (|| CompactObservation::of(observation), reader.bound());
        let answers = self.answers.get_mut(*scope.0).map(|(_, answers)| answers);
        let Some((answers, key)) = answers.zip(given) else {
            return reader.seen.put(given, new, bound, comparisons, drops).map(drop);
        };
        if answers.reader == 0 {
            answers.reader = function;
        }
        let shared = if answers.reader == function { answers.find(key, comparisons)? } else { None };
        match shared {
            Some(slot) if answers.is_of(slot, observation.since) => {
                reader.seen.remove(key, comparisons, drops)?;
                answers.mark(slot, true);
            }
            other => {
                reader.seen.put(given, new, bound, comparisons, drops)?;
                if let Some(slot) = other {
                    answers.mark(slot, false);
                }
            }
        }
        Ok(())
    }

    /// Notes by what a function went first, if it is to go by another version now: nobody wished for another
    /// answer than the first.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared, before anything has changed.
    pub(crate) fn note_first(
        &mut self,
        name: (Ticket, &Scope),
        asked: (Option<&Probe<H::Key>>, &Observation<H::Object>),
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let mut first = self.readers.get_mut(name.0).and_then(|reader| reader.first.take());
        let noted = self.note_in(&mut first, name, asked, comparisons, drops);
        if let Some(reader) = self.readers.get_mut(name.0) {
            reader.first = first;
        }
        noted
    }

    fn note_in(
        &self,
        first: &mut Option<Box<Answers<H>>>,
        name: (Ticket, &Scope),
        (given, observation): (Option<&Probe<H::Key>>, &Observation<H::Object>),
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(before) = self.seen(name, given, comparisons)? else { return Ok(()) };
        if comparisons.same(before.version(), &observation.version)?
            || first.as_ref().map_or(Ok(None), |first| first.peek(given, comparisons))?.is_some()
        {
            return Ok(());
        }
        let bound = self.readers.get(name.0).and_then(Reader::bound);
        let first = first.get_or_insert_default();
        first.put(given, || before.unmarked(), bound, comparisons, drops)?;
        Ok(())
    }

    /// Takes a new answer of a scope. Who goes by the one before, or by one for which there is no room any
    /// more, keeps that.
    ///
    /// # Errors
    /// As [`SessionMemory::seen`], before anything has changed.
    pub(crate) fn answer(
        &mut self,
        (function, scope): (Ticket, &Scope),
        (given, observation): (Option<&Probe<H::Key>>, &Observation<H::Object>),
        bound: Option<usize>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let answers = self.answers(scope, drops);
        let reader = answers.reader;
        let new = || CompactObservation::of(observation);
        let Some(left) = answers.put(given, new, bound, comparisons, drops)? else { return Ok(()) };
        // What the function itself has asked anew it goes by no more, but by the new one.
        let goes_on = reader != function || !left.replaced;
        let marked = answers.marked as usize + usize::from(reader == function);
        match self.readers.get_mut(reader).filter(|_| goes_on) {
            Some(reader) => {
                let bound = reader.bound().map(|bound| bound.saturating_sub(marked));
                reader.seen.take(left, bound, drops);
            }
            None => left.leave(drops),
        }
        Ok(())
    }

    /// Whether a version function that is given nothing has no answer yet.
    pub fn lacks_answer(&self, scope: &Scope) -> bool {
        self.answers_of(scope).is_none_or(|answers| answers.only().is_none())
    }

    /// What such a one was answered, if it was asked after that.
    pub fn answer_since(&self, scope: &Scope, began: Ticket) -> Option<&H::Object> {
        let answer = self.answers_of(scope)?.only()?;
        (answer.since() > began).then(|| answer.version())
    }

    /// Takes an answer of such a one that came with another's. One that there is stays.
    pub fn also_answered(
        &mut self,
        scope: &Scope,
        observation: &Observation<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) {
        self.answers(scope, drops).take_first(|| CompactObservation::of(observation));
    }

    /// All by what a function goes, with the hash of what its version function was given.
    pub fn all_seen(
        &self,
        function: Ticket,
    ) -> impl Iterator<Item = (Option<u64>, &CompactObservation<H::Object>)> {
        let own = self.readers.get(function).into_iter().flat_map(|reader| reader.seen.iter());
        let shared = self.all_answers().filter(move |answers| answers.reader == function);
        own.chain(shared.flat_map(Answers::iter).filter(|(_, answer)| answer.is_marked()))
    }

    /// Who asks what a caller would ask. Only what is `fit` counts as a run to be waited for.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared.
    pub fn asking(
        &self,
        scope: &Scope,
        given: Option<&Probe<H::Key>>,
        (leader, fit): (&<H::Flight as Flight>::Leader, impl Fn(&H::Flight) -> bool),
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Asks<H::Flight>> {
        let counts = |asking: &Asking<H>| {
            asking.scope == *scope.0 && (asking.flight.encloses(leader) || fit(&asking.flight))
        };
        let mut found = self.asking.as_ref().filter(|asking| given.is_none() && counts(asking));
        if found.is_none()
            && let Some(others) = self.also_asking.as_ref()
        {
            let slot = comparisons.find_given(&**others, (hash_of(scope, given), given), |asking| {
                counts(asking).then_some(asking.given.as_ref())
            })?;
            found = slot.and_then(|slot| others.get(slot));
        }
        Ok(match found {
            None => Asks::Nobody,
            Some(asking) if asking.flight.encloses(leader) => Asks::Itself,
            Some(asking) => Asks::Another(asking.flight.clone(), asking.since),
        })
    }

    /// Whether anything is being asked.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.is_some() || self.also_asking.as_ref().is_some_and(|others| !others.is_empty())
    }

    /// Notes a run of a version function, and when it began.
    pub fn ask(
        &mut self,
        scope: &Scope,
        given: Option<&Probe<H::Key>>,
        (flight, since): (&H::Flight, Ticket),
    ) {
        let key = given.map(|given| given.key.clone());
        let asking = Asking { scope: *scope.0, given: key, flight: flight.clone(), since };
        if self.asking.is_none() && given.is_none() {
            self.asking = Some(asking);
        } else {
            self.also_asking.get_or_insert_default().insert(hash_of(scope, given), asking);
        }
    }

    /// Forgets a run that is over.
    pub fn asked(
        &mut self,
        scope: &Scope,
        given: Option<&Probe<H::Key>>,
        flight: &H::Flight,
        drops: &mut DeferredDrops<H>,
    ) {
        let is_over = |asking: &Asking<H>| asking.flight.is(flight);
        drops.extend(self.asking.take_if(|asking| is_over(asking)).map(|asking| Leaving::Run(asking.flight)));
        let others = self.also_asking.as_mut();
        for asking in
            others.into_iter().flat_map(|others| others.strike(Some(hash_of(scope, given)), is_over))
        {
            drops.push(Leaving::Run(asking.flight));
            drops.extend(asking.given.map(Leaving::Key));
        }
    }

    /// Forgets the answers of a hash for instances that have died, of all version functions and of the reader
    /// `id`.
    pub(crate) fn forget_the_dead(&mut self, id: Ticket, hash: u64, drops: &mut DeferredDrops<H>) {
        for (_, answers) in self.answers.values_mut() {
            answers.forget_the_dead(Some(hash), drops);
        }
        if let Some(reader) = self.readers.get_mut(id) {
            reader.seen.forget_the_dead(Some(hash), drops);
            if let Some(first) = &mut reader.first {
                first.forget_the_dead(Some(hash), drops);
            }
        }
    }

    /// Lets go of all that it keeps.
    pub fn unpin_all(&mut self, drops: &mut DeferredDrops<H>) {
        self.readers.values_mut().for_each(|reader| reader.unpin_all(drops));
    }

    /// All answers, for whoever traces references.
    pub fn all_answers(&self) -> impl Iterator<Item = &Answers<H>> {
        self.answers.values().map(|(_, answers)| answers)
    }
}
