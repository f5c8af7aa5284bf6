//! The answers of one version function in one session, for each thing that it was given.
//!
//! A session has them once: the table of the scope. What a function goes by is marked there, as long as that
//! is what the scope was answered last, and the function is the first of the scope's in this session. Any
//! other has a table of its own.

use std::sync::Arc;

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Probe};
use crate::engine::order::{self, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::versions::observation::CompactObservation;

/// What one answer of a version function speaks for, but for the arguments it was given. Alive as long as a
/// function uses it.
#[derive(Clone, Debug)]
pub struct Scope(pub(crate) Arc<Ticket>);

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(order::draw()))
    }
}

/// An answer that depends on what the version function was given. With its hash and its place in the order of
/// use it fills a line of the processor's cache.
pub(crate) struct Answer<H: Host> {
    given: H::Key,
    observation: CompactObservation<H::Object>,
}

impl<H: Host> Answer<H> {
    /// Lets go of it.
    pub(crate) fn leave(self, drops: &mut DeferredDrops<H>) {
        drops.push(Leaving::Observation(self.observation.into_observation()));
        drops.push(Leaving::Key(self.given));
    }
}

/// How many answers there are at least before those for the dead are looked for.
const FEW: u32 = 64;

/// The answers of one version function in one session, or of those what one function goes by.
pub struct Answers<H: Host> {
    /// When it is given nothing.
    one: Option<CompactObservation<H::Object>>,
    /// For each that it was given.
    each: Option<Box<LruSlab<Answer<H>>>>,
    /// With so many, those for instances that have died are looked for: none of them will be asked for again.
    most: u32,
    /// Which function goes by those that have a mark, in the table of a scope; 0 as long as none does.
    pub(crate) reader: Ticket,
    /// How many those are.
    pub(crate) marked: u32,
}

/// An answer with a mark that has left the table of its scope.
pub(crate) struct Left<H: Host> {
    hash: u64,
    answer: Answer<H>,
    /// Another came in its place; else there was no room for it any more.
    pub(crate) replaced: bool,
}

impl<H: Host> Left<H> {
    /// Lets go of it.
    pub(crate) fn leave(self, drops: &mut DeferredDrops<H>) {
        self.answer.leave(drops);
    }
}

impl<H: Host> Default for Answers<H> {
    fn default() -> Self {
        Self { one: None, each: None, most: FEW, reader: 0, marked: 0 }
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
    ) -> Result<Option<&mut CompactObservation<H::Object>>, Unsure<H::Object>> {
        let Some(given) = given else { return Ok(self.one.as_mut()) };
        let found = self.find(given, comparisons)?;
        Ok(self.each.as_mut().zip(found).and_then(|(answers, slot)| {
            answers.touch(slot);
            answers.get_mut(slot).map(|answer| &mut answer.observation)
        }))
    }

    /// The answer where the version function is given nothing.
    pub(crate) fn only(&self) -> Option<&CompactObservation<H::Object>> {
        self.one.as_ref()
    }

    /// Takes the first where the version function is given nothing.
    pub(crate) fn take_first(&mut self, first: impl FnOnce() -> CompactObservation<H::Object>) {
        self.one.get_or_insert_with(first);
    }

    /// The answer for `given`, without use of it.
    ///
    /// # Errors
    /// As [`Answers::get`].
    pub fn peek(
        &self,
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<&CompactObservation<H::Object>>> {
        let Some(given) = given else { return Ok(self.one.as_ref()) };
        let found = self.find(given, comparisons)?;
        let answer = self.each.as_ref().zip(found).and_then(|(answers, slot)| answers.get(slot));
        Ok(answer.map(|answer| &answer.observation))
    }

    /// Where the answer for `given` lies.
    ///
    /// # Errors
    /// As [`Answers::get`].
    pub(crate) fn find(
        &self,
        given: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<Slot>> {
        let Some(answers) = &self.each else { return Ok(None) };
        comparisons.find(&**answers, given, |answer| Some(&answer.given))
    }

    /// Takes the `new` answer for `given`; the least recently used of more than `bound` goes. What went and
    /// has a mark is handed back.
    ///
    /// # Errors
    /// [`Unsure`], before anything has changed.
    pub(crate) fn put(
        &mut self,
        given: Option<&Probe<H::Key>>,
        new: impl FnOnce() -> CompactObservation<H::Object>,
        bound: Option<usize>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Decided<H, Option<Left<H>>> {
        if let Some(known) = self.get(given, comparisons)? {
            let observation = std::mem::replace(known, new());
            if let Some(given) = given.filter(|_| observation.is_marked()) {
                self.marked -= 1;
                let answer = Answer { given: given.key.clone(), observation };
                return Ok(Some(Left { hash: given.hash, answer, replaced: true }));
            }
            drops.push(Leaving::Observation(observation.into_observation()));
            return Ok(None);
        }
        let Some(given) = given else {
            self.one = Some(new());
            return Ok(None);
        };
        let answer = Answer { given: given.key.clone(), observation: new() };
        if self.len() >= self.most as usize {
            self.forget_the_dead(None, drops);
            self.most = FEW.max(u32::try_from(2 * self.len()).unwrap_or(u32::MAX));
        }
        let answers = self.each.get_or_insert_default();
        let slot = answers.insert(given.hash, answer);
        let oldest = bound.filter(|bound| answers.len() > *bound).and_then(|_| answers.pop_oldest());
        comparisons.found(&**answers, given, slot);
        match oldest {
            Some((hash, answer)) if answer.observation.is_marked() => {
                self.marked -= 1;
                Ok(Some(Left { hash, answer, replaced: false }))
            }
            oldest => {
                if let Some((_, oldest)) = oldest {
                    oldest.leave(drops);
                }
                Ok(None)
            }
        }
    }

    /// Takes an answer for something of which there is none, if there is room for one at all; the least
    /// recently used of more than `bound` go.
    pub(crate) fn take(&mut self, left: Left<H>, bound: Option<usize>, drops: &mut DeferredDrops<H>) {
        while bound.is_some_and(|bound| self.len() >= bound)
            && let Some((_, oldest)) = self.each.as_mut().and_then(|answers| answers.pop_oldest())
        {
            oldest.leave(drops);
        }
        if bound == Some(0) {
            left.leave(drops);
            return;
        }
        let Left { hash, mut answer, .. } = left;
        answer.observation.mark(false);
        self.each.get_or_insert_default().insert(hash, answer);
    }

    fn len(&self) -> usize {
        self.each.as_ref().map_or(0, |answers| answers.len())
    }

    /// Whether what lies there was observed in the run that began at `since`.
    pub(crate) fn is_of(&self, slot: Slot, since: Ticket) -> bool {
        let answer = self.each.as_ref().and_then(|answers| answers.get(slot));
        answer.is_some_and(|answer| answer.observation.since() == since)
    }

    /// Gives what lies there a mark, or takes that.
    pub(crate) fn mark(&mut self, slot: Slot, mark: bool) {
        let Some(answers) = self.each.as_mut() else { return };
        answers.touch(slot);
        if let Some(Answer { observation, .. }) = answers.get_mut(slot)
            && observation.is_marked() != mark
        {
            observation.mark(mark);
            self.marked = if mark { self.marked + 1 } else { self.marked - 1 };
        }
    }

    /// Takes the answer for `given` out.
    ///
    /// # Errors
    /// [`Unsure`], before anything has changed.
    pub(crate) fn remove(
        &mut self,
        given: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let found = self.find(given, comparisons)?;
        let gone = self.each.as_mut().zip(found).and_then(|(answers, slot)| answers.remove(slot));
        if let Some((_, answer)) = gone {
            answer.leave(drops);
        }
        Ok(())
    }

    /// Forgets the answers for instances that have died; where a hash is given, only those of that. What
    /// lives at the address of a dead one has its hash, so these would crowd.
    pub(crate) fn forget_the_dead(&mut self, hash: Option<u64>, drops: &mut DeferredDrops<H>) {
        let gone =
            self.each.iter_mut().flat_map(|answers| answers.strike(hash, |answer| answer.given.is_gone()));
        for answer in gone {
            self.marked -= u32::from(answer.observation.is_marked());
            answer.leave(drops);
        }
    }

    /// The answers, with the hash of what they were given.
    pub fn iter(&self) -> impl Iterator<Item = (Option<u64>, &CompactObservation<H::Object>)> {
        let each = self.each.iter().flat_map(|answers| answers.hashed());
        self.one
            .iter()
            .map(|one| (None, one))
            .chain(each.map(|(hash, answer)| (Some(hash), &answer.observation)))
    }

    /// What the version function was given.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        self.each.iter().flat_map(|answers| answers.iter()).map(|answer| &answer.given)
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use crate::engine::tests::fake::Fake;

    /// One word more would take another line.
    #[test]
    fn an_answer_leaves_room_for_its_hash_and_its_place_in_a_line_of_the_cache() {
        assert_eq!(size_of::<Option<Answer<Fake>>>(), 48);
    }
}
