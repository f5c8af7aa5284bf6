//! The answers of one version function in one session, for each thing that it was given.

use std::sync::Arc;

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Probe};
use crate::engine::order::{self, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::tables::lru_table::LruTable;
use crate::engine::versions::observation::Observation;

/// What one answer of a version function speaks for, but for the arguments it was given. Alive as long as a
/// function uses it.
#[derive(Clone, Debug)]
pub struct Scope(pub(crate) Arc<Ticket>);

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(order::draw()))
    }
}

/// An answer that depends on what the version function was given.
struct Answer<H: Host> {
    given: H::Key,
    hash: u64,
    observation: Observation<H::Object>,
}

/// How many answers there are at least before those for the dead are looked for.
const FEW: u32 = 64;

/// The answers of one version function in one session.
pub struct Answers<H: Host> {
    /// When it is given nothing.
    one: Option<Observation<H::Object>>,
    /// For each that it was given.
    each: Option<Box<LruTable<Answer<H>>>>,
    /// With so many, those for instances that have died are looked for: none of them will be asked for again.
    most: u32,
}

impl<H: Host> Default for Answers<H> {
    fn default() -> Self {
        Self { one: None, each: None, most: FEW }
    }
}

impl<H: Host> Answers<H> {
    /// The answer for `given`.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub fn get(
        &mut self,
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<&mut Observation<H::Object>>, Unsure<H::Object>> {
        let Some(given) = given else { return Ok(self.one.as_mut()) };
        let Some(answers) = self.each.as_mut() else { return Ok(None) };
        let found = comparisons.find(&**answers, given, |answer| Some(&answer.given))?;
        Ok(found.and_then(|slot| {
            answers.touch(slot);
            answers.get_mut(slot).map(|answer| &mut answer.observation)
        }))
    }

    /// The same, without use of it.
    ///
    /// # Errors
    /// As [`Answers::get`].
    pub fn peek(
        &self,
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<&Observation<H::Object>>> {
        let Some((given, answers)) = given.zip(self.each.as_ref()) else {
            return Ok(self.one.as_ref().filter(|_| given.is_none()));
        };
        let found = comparisons.find(&**answers, given, |answer| Some(&answer.given))?;
        Ok(found.and_then(|slot| answers.get(slot)).map(|answer| &answer.observation))
    }

    /// Takes a new answer for `given`; the least recently used of more than `bound` goes.
    ///
    /// # Errors
    /// [`Unsure`], before anything has changed.
    pub fn put(
        &mut self,
        given: Option<&Probe<H::Key>>,
        observation: &Observation<H::Object>,
        bound: Option<usize>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        if let Some(known) = self.get(given, comparisons)? {
            drops.push(Leaving::Observation(std::mem::replace(known, observation.clone())));
            return Ok(());
        }
        let Some(given) = given else {
            self.one = Some(observation.clone());
            return Ok(());
        };
        let answer = Answer { given: given.key.clone(), hash: given.hash, observation: observation.clone() };
        if self.each.as_ref().is_some_and(|answers| answers.len() >= self.most as usize) {
            self.forget_the_dead(None, drops);
            let left = self.each.as_ref().map_or(0, |answers| answers.len());
            self.most = FEW.max(u32::try_from(2 * left).unwrap_or(u32::MAX));
        }
        let answers = self.each.get_or_insert_default();
        let slot = answers.insert(given.hash, answer);
        if bound.is_some_and(|bound| answers.len() > bound)
            && let Some(oldest) = answers.pop_oldest()
        {
            drops.push(Leaving::Observation(oldest.observation));
            drops.push(Leaving::Key(oldest.given));
        }
        comparisons.found(&**answers, given, slot);
        Ok(())
    }

    /// Forgets the answers for instances that have died; where a hash is given, only those of that. What
    /// lives at the address of a dead one has its hash, so these would crowd.
    pub(crate) fn forget_the_dead(&mut self, hash: Option<u64>, drops: &mut DeferredDrops<H>) {
        let gone =
            self.each.iter_mut().flat_map(|answers| answers.strike(hash, |answer| answer.given.is_gone()));
        for answer in gone {
            drops.push(Leaving::Observation(answer.observation));
            drops.push(Leaving::Key(answer.given));
        }
    }

    /// The answers, with the hash of what they were given.
    pub fn iter(&self) -> impl Iterator<Item = (Option<u64>, &Observation<H::Object>)> {
        let each = self.each.iter().flat_map(|answers| answers.iter());
        self.one
            .iter()
            .map(|one| (None, one))
            .chain(each.map(|answer| (Some(answer.hash), &answer.observation)))
    }

    /// What the version function was given.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        self.each.iter().flat_map(|answers| answers.iter()).map(|answer| &answer.given)
    }
}
