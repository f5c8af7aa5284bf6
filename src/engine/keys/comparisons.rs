//! Equality without running foreign code: what can't be decided here is handed out to be asked, and learned.
//!
//! A lookup that meets objects whose equality only their owner knows stops with [`Unsure`]. The caller leaves
//! the critical section, asks, calls [`Comparisons::learn`] and starts the same lookup again, which goes on
//! where it stopped.

use std::collections::HashMap;

use crate::engine::keys::collisions::{Asked, Crowd, Met, NOWHERE, Searches};
use crate::engine::keys::key::{Key, Object, Probe};

/// What is to be asked about two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Whether they are equal, by their own `==`.
    Equal,
    /// Whether the one looked for is the stored one or above it, in the order of versions that the user has
    /// given.
    AtLeast,
}

/// Two objects that must be compared by foreign code before a lookup can go on.
pub struct Pair<O> {
    /// The stored one.
    pub stored: O,
    /// The one looked for.
    pub probe: O,
    /// How.
    pub question: Question,
}

/// What must be asked of foreign code before a lookup can go on.
pub enum Unsure<O: Object> {
    /// About two objects.
    Pair(Pair<O>),
    /// Which of some stored keys equals the one looked for, if one does. They are asked in turn.
    Keys(Asked<O::Key>, Probe<O::Key>),
}

impl<O: Object> Unsure<O> {
    /// Asks `equal` about keys and `told` about objects. What they answered is for [`Comparisons::learn`].
    ///
    /// # Errors
    /// What they return as an error.
    pub fn ask<E>(
        &mut self,
        mut equal: impl FnMut(&O::Key, &Probe<O::Key>) -> Result<bool, E>,
        told: impl FnOnce(&Pair<O>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        match self {
            Self::Pair(pair) => told(pair),
            Self::Keys(asked, probe) => asked.ask(|key| equal(key, probe)),
        }
    }
}

/// By the addresses of both objects.
type Others<O> = HashMap<(usize, usize, Question), (Pair<O>, bool), ahash::RandomState>;

/// What has been learned about equality during one call.
pub struct Comparisons<O: Object> {
    /// Most calls learn one thing at most.
    first: Option<(Pair<O>, bool)>,
    others: Option<Box<Others<O>>>,
    keys: Searches<O::Key>,
}

impl<O: Object> Default for Comparisons<O> {
    fn default() -> Self {
        Self { first: None, others: None, keys: Searches::default() }
    }
}

impl<O: Object> Comparisons<O> {
    /// Whether two objects are equal; identity first.
    ///
    /// # Errors
    /// [`Unsure`] when nobody has compared the two yet.
    pub fn same(&self, stored: &O, probe: &O) -> Result<bool, Unsure<O>> {
        if stored.is(probe) {
            return Ok(true);
        }
        if let Some(equal) = stored.native_eq(probe) {
            return Ok(equal);
        }
        self.told(stored, probe, Question::Equal)
    }

    /// Whether a version is another or above it.
    ///
    /// # Errors
    /// [`Unsure`] when nobody has told yet.
    pub fn at_least(&self, version: &O, other: &O) -> Result<bool, Unsure<O>> {
        self.told(other, version, Question::AtLeast)
    }

    fn told(&self, stored: &O, probe: &O, question: Question) -> Result<bool, Unsure<O>> {
        let is = |(pair, _): &&(Pair<O>, bool)| {
            pair.question == question && pair.stored.is(stored) && pair.probe.is(probe)
        };
        let told = self
            .first
            .as_ref()
            .filter(is)
            .or_else(|| self.others.as_ref()?.get(&(stored.address(), probe.address(), question)));
        let ask = || Unsure::Pair(Pair { stored: stored.clone(), probe: probe.clone(), question });
        told.map(|(_, answer)| *answer).ok_or_else(ask)
    }

    /// Takes an answer. The objects stay referenced, so that their identity can't be reused.
    pub fn learn(&mut self, unsure: Unsure<O>, answer: bool) {
        match unsure {
            Unsure::Keys(asked, _) => self.keys.learn(asked),
            Unsure::Pair(pair) if self.first.is_none() => self.first = Some((pair, answer)),
            Unsure::Pair(pair) => {
                let name = (pair.stored.address(), pair.probe.address(), pair.question);
                self.others.get_or_insert_default().insert(name, (pair, answer));
            }
        }
    }

    /// The same of keys, for whoever looks for arguments of which no key was made.
    pub fn learn_of_keys(&mut self, asked: Asked<O::Key>) {
        self.keys.learn(asked);
    }

    /// Takes that a key differs from arguments of which none was made, before anything else is learned.
    pub fn learn_of_first(&mut self, key: O::Key) {
        self.keys.learn_of_first(key);
    }

    /// From now on that is known of a key that was made of the arguments.
    pub fn belong_to(&mut self, key: &O::Key) {
        self.keys.belongs_to(key.address());
    }

    /// Where something lies that is found by a key. `key` says which key that is, or that something is left
    /// out.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn find<C: Crowd>(
        &self,
        crowd: &C,
        probe: &Probe<O::Key>,
        key: impl for<'a> Fn(&'a C::Row) -> Option<&'a O::Key>,
    ) -> Result<Option<C::Slot>, Unsure<O>> {
        let searched = self.keys.search(crowd, (probe.hash, probe.key.address()), |row| match key(row) {
            Some(key) => Met::of(key, key.matches(probe)),
            None => Met::Other,
        });
        searched.map_err(|asked| Unsure::Keys(asked, probe.clone()))
    }

    /// The same for what may be found by nothing but its hash: what has no key is the one, where none is
    /// looked for.
    pub(crate) fn find_given<C: Crowd>(
        &self,
        crowd: &C,
        (hash, given): (u64, Option<&Probe<O::Key>>),
        key: impl for<'a> Fn(&'a C::Row) -> Option<Option<&'a O::Key>>,
    ) -> Result<Option<C::Slot>, Unsure<O>> {
        let address = given.map_or(NOWHERE, |given| given.key.address());
        let searched = self.keys.search(crowd, (hash, address), |row| match (key(row), given) {
            (Some(None), None) => Met::Same,
            (Some(Some(key)), Some(given)) => Met::of(key, key.matches(given)),
            _ => Met::Other,
        });
        match (searched, given) {
            (Err(asked), Some(given)) => Err(Unsure::Keys(asked, given.clone())),
            (found, _) => Ok(found.unwrap_or(None)),
        }
    }

    /// Notes where something was put that was not found before.
    pub(crate) fn found<C: Crowd>(&self, crowd: &C, probe: &Probe<O::Key>, slot: C::Slot) {
        self.keys.found(crowd, probe.key.address(), slot);
    }

    /// Whether keys that lie in no table are the one looked for: `told` gets the answer for each.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn tell<T>(
        &self,
        probe: &Probe<O::Key>,
        keys: impl Iterator<Item = (O::Key, T)>,
        told: impl FnMut(T, O::Key, bool),
    ) -> Result<(), Unsure<O>> {
        let keys = keys.map(|(key, thing)| {
            let same = key.matches(probe);
            (thing, key, same)
        });
        let untold = self.keys.tell(probe.key.address(), keys, told);
        untold.map_or(Ok(()), |asked| Err(Unsure::Keys(asked, probe.clone())))
    }

    /// The same for arguments of which no key was made; `same` says whether one is theirs, where that can be
    /// told. Who looks so has found that something has to be asked.
    pub(crate) fn find_arguments<C: Crowd>(
        &self,
        crowd: &C,
        hash: u64,
        same: impl for<'a> Fn(&'a C::Row) -> Met<'a, O::Key>,
    ) -> Result<Option<C::Slot>, Asked<O::Key>> {
        self.keys.search_at_length(crowd, (hash, NOWHERE), same)
    }
}
