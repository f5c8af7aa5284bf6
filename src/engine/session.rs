//! What one session remembers: the answers of version functions, and for each function that it called (for which it is
//! a *reader*) the answer it goes by and a shelf of the results that it is to see again though the store lost them.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::Host;
use super::compare::{Key, Probe, Unsure, Verdicts};
use super::entry::{Displaced, Entry, Observation};
use super::table::Table;
use super::ticket::{self, Ticket};

/// What one answer of a version function speaks for, but for the arguments it was given. Alive as long as a function uses it.
#[derive(Clone, Debug)]
pub struct Scope(Arc<Ticket>);

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(ticket::draw()))
    }
}

/// An answer that depends on what the version function was given.
pub struct Answer<H: Host> {
    given: H::Key,
    hash: u64,
    observation: Observation<H::Object>,
}

/// The answers of one version function in one session.
pub enum Answers<H: Host> {
    /// Not asked yet.
    None,
    /// It is given nothing.
    One(Observation<H::Object>),
    /// One for each that it was given.
    Each(Box<Table<Answer<H>>>),
}

impl<H: Host> Answers<H> {
    /// The answer for `given`.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub fn get(
        &mut self,
        given: Option<&Probe<H::Key>>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<&mut Observation<H::Object>>, Unsure<H::Object>> {
        match (self, given) {
            (Self::One(observation), None) => Ok(Some(observation)),
            (Self::Each(answers), Some(given)) => {
                let found = answers.find(given.hash, |answer| answer.given.matches(&given.key, verdicts))?;
                Ok(found.and_then(|slot| {
                    answers.touch(slot);
                    answers.get_mut(slot).map(|answer| &mut answer.observation)
                }))
            }
            _ => Ok(None),
        }
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
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        if let Some(known) = self.get(given, verdicts)? {
            displaced
                .objects
                .push(std::mem::replace(known, observation.clone()).version);
            return Ok(());
        }
        let Some(given) = given else {
            displaced
                .answers
                .push(std::mem::replace(self, Self::One(observation.clone())));
            return Ok(());
        };
        if !matches!(self, Self::Each(_)) {
            displaced
                .answers
                .push(std::mem::replace(self, Self::Each(Box::default())));
        }
        if let Self::Each(answers) = self {
            answers.insert(
                given.hash,
                Answer {
                    given: given.key.clone(),
                    hash: given.hash,
                    observation: observation.clone(),
                },
            );
            if bound.is_some_and(|bound| answers.len() > bound)
                && let Some((_, oldest)) = answers.pop_oldest()
            {
                let mut gone = Table::default();
                gone.insert(0, oldest);
                displaced.answers.push(Self::Each(Box::new(gone)));
            }
        }
        Ok(())
    }

    /// The answers, with the hash of what they were given.
    pub fn iter(&self) -> impl Iterator<Item = (Option<u64>, &Observation<H::Object>)> {
        let one = if let Self::One(observation) = self {
            Some((None, observation))
        } else {
            None
        };
        let each = if let Self::Each(answers) = self {
            Some(answers.iter())
        } else {
            None
        };
        let each = each
            .into_iter()
            .flatten()
            .map(|answer| (Some(answer.hash), &answer.observation));
        one.into_iter().chain(each)
    }

    /// What the version function was given.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        let each = if let Self::Each(answers) = self {
            Some(answers.iter())
        } else {
            None
        };
        each.into_iter().flatten().map(|answer| &answer.given)
    }
}

/// A session as the reader of one function.
pub struct Reader<H: Host> {
    /// The answers by which this function's entries are judged in the session.
    pub seen: Answers<H>,
    /// Results the session keeps for itself.
    pub shelf: Option<Box<Table<Entry<H>>>>,
}

impl<H: Host> Default for Reader<H> {
    fn default() -> Self {
        Self {
            seen: Answers::None,
            shelf: None,
        }
    }
}

impl<H: Host> Reader<H> {
    /// Puts an entry on the shelf unless one of its key is there; the least recently used of more than `bound` goes.
    /// Keys whose equality can't be told here count as different: a second row of one key does no harm.
    pub fn shelve(&mut self, hash: u64, entry: Entry<H>, bound: Option<usize>, displaced: &mut Displaced<H>) {
        let shelf = self.shelf.get_or_insert_default();
        let verdicts = Verdicts::default();
        let twin = shelf.find(hash, |row| {
            row.key.matches(&entry.key, &verdicts).or_else(|unsure| {
                displaced.objects.extend([unsure.stored, unsure.probe]);
                Ok::<_, ()>(false)
            })
        });
        if let Ok(Some(_)) = twin {
            displaced.entries.push(entry);
            return;
        }
        shelf.insert(hash, entry);
        if bound.is_some_and(|bound| shelf.len() > bound)
            && let Some((_, oldest)) = shelf.pop_oldest()
        {
            displaced.entries.push(oldest);
        }
    }

    /// Takes the entry of a key off the shelf. Whether one was there.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub fn unshelve(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        let mut removed = false;
        let Some(shelf) = self.shelf.as_mut() else {
            return Ok(false);
        };
        while let Some(slot) = shelf.find(probe.hash, |row| row.key.matches(&probe.key, verdicts))? {
            displaced
                .entries
                .extend(shelf.remove(slot).map(|(_, entry)| entry));
            removed = true;
        }
        Ok(removed)
    }
}

/// All that one session remembers.
pub struct Known<H: Host> {
    answers: HashMap<Ticket, (Weak<Ticket>, Answers<H>), ahash::RandomState>,
    /// By function.
    pub readers: HashMap<Ticket, Reader<H>, ahash::RandomState>,
}

impl<H: Host> Default for Known<H> {
    fn default() -> Self {
        Self {
            answers: HashMap::default(),
            readers: HashMap::default(),
        }
    }
}

impl<H: Host> Known<H> {
    /// The answers of a scope. Those of scopes that no function uses any more are forgotten by and by.
    pub fn answers(&mut self, scope: &Scope, displaced: &mut Displaced<H>) -> &mut Answers<H> {
        if self.answers.len() == self.answers.capacity() {
            let gone = self.answers.extract_if(|_, (scope, _)| scope.strong_count() == 0);
            displaced.answers.extend(gone.map(|(_, (_, answers))| answers));
        }
        let known = self
            .answers
            .entry(*scope.0)
            .or_insert_with(|| (Arc::downgrade(&scope.0), Answers::None));
        &mut known.1
    }

    /// All answers, for whoever traces references.
    pub fn all_answers(&self) -> impl Iterator<Item = &Answers<H>> {
        self.answers.values().map(|(_, answers)| answers)
    }
}
