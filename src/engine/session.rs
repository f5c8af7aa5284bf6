//! What one session remembers: the answers of version functions, and for each function that it called (for which it is
//! a *reader*) the answer it goes by and a shelf of the results that it is to see again though the store lost them.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::Decided;
use super::compare::{Key, Probe, Unsure, Verdicts};
use super::entry::{Displaced, Entry, Leaving, Observation};
use super::few::Few;
use super::rows::{Rows, Slot};
use super::status::Logged;
use super::table::Table;
use super::ticket::{self, Ticket};
use super::{Flight, Host};

/// What one answer of a version function speaks for, but for the arguments it was given. Alive as long as a function uses it.
#[derive(Clone, Debug)]
pub struct Scope(Arc<Ticket>);

impl Default for Scope {
    fn default() -> Self {
        Self(Arc::new(ticket::draw()))
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
    each: Option<Box<Table<Answer<H>>>>,
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
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<&mut Observation<H::Object>>, Unsure<H::Object>> {
        let Some(given) = given else { return Ok(self.one.as_mut()) };
        let Some(answers) = self.each.as_mut() else { return Ok(None) };
        let found = verdicts.find(&**answers, given, |answer| Some(&answer.given))?;
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
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<&Observation<H::Object>>> {
        let Some((given, answers)) = given.zip(self.each.as_ref()) else {
            return Ok(self.one.as_ref().filter(|_| given.is_none()));
        };
        let found = verdicts.find(&**answers, given, |answer| Some(&answer.given))?;
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
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        if let Some(known) = self.get(given, verdicts)? {
            displaced.push(Leaving::Observation(std::mem::replace(known, observation.clone())));
            return Ok(());
        }
        let Some(given) = given else {
            self.one = Some(observation.clone());
            return Ok(());
        };
        let answer = Answer { given: given.key.clone(), hash: given.hash, observation: observation.clone() };
        if self.each.as_ref().is_some_and(|answers| answers.len() >= self.most as usize) {
            self.forget_the_dead(None, displaced);
            let left = self.each.as_ref().map_or(0, |answers| answers.len());
            self.most = FEW.max(u32::try_from(2 * left).unwrap_or(u32::MAX));
        }
        let answers = self.each.get_or_insert_default();
        let slot = answers.insert(given.hash, answer);
        if bound.is_some_and(|bound| answers.len() > bound)
            && let Some(oldest) = answers.pop_oldest()
        {
            displaced.push(Leaving::Observation(oldest.observation));
            displaced.push(Leaving::Key(oldest.given));
        }
        verdicts.found(&**answers, given, slot);
        Ok(())
    }

    /// Forgets the answers for instances that have died; where a hash is given, only those of that. What lives at the address of a dead one has its
    /// hash, so these would crowd.
    pub(super) fn forget_the_dead(&mut self, hash: Option<u64>, displaced: &mut Displaced<H>) {
        let gone =
            self.each.iter_mut().flat_map(|answers| answers.strike(hash, |answer| answer.given.is_gone()));
        for answer in gone {
            displaced.push(Leaving::Observation(answer.observation));
            displaced.push(Leaving::Key(answer.given));
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

/// Results that one session has surely seen and is to see again, though the store lost them or never had them. Most sessions need none.
pub type Shelf<H> = Option<Box<Rows<Entry<H>>>>;

/// A session as the reader of one function.
pub struct Reader<H: Host> {
    /// The function.
    pub function: H::Function,
    /// The answers by which this function's entries are judged in the session.
    pub seen: Answers<H>,
    /// Those by which they were judged first, where a call has asked again. By these alone the session knows what was stored when it began: of
    /// what it is given under later ones it takes note.
    pub first: Option<Box<Answers<H>>>,
    /// What the session has surely seen: at most `maxsize`, the least recently used goes first.
    pub kept: Shelf<H>,
    /// When it was first given a result, or put one. What left the store before is not for it.
    pub(super) since: Ticket,
    /// Whether something is kept in whose place something else is stored, which the session might take for what it knows.
    pub(super) shadows: bool,
}

impl<H: Host> Reader<H> {
    /// One that has seen nothing yet.
    pub(super) fn of(function: H::Function) -> Self {
        Self {
            function,
            seen: Answers::default(),
            first: None,
            kept: None,
            since: ticket::NEVER,
            shadows: false,
        }
    }

    /// Whether it has been given nothing yet.
    pub(super) fn is_new(&self) -> bool {
        self.since == ticket::NEVER
    }

    /// Notes that it has been given a result.
    pub(super) fn given(&mut self) {
        if self.is_new() {
            self.since = ticket::draw();
        }
    }

    /// Whether the session knows what was stored when it began by its version alone, with no note of each.
    pub(super) fn knows_by_version(&self) -> bool {
        self.first.is_none() && !self.shadows
    }

    /// The answer by which the session judged first, if it goes by another because a call has asked again.
    pub(super) fn first(
        &self,
        given: Option<&Probe<H::Key>>,
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<&Observation<H::Object>>> {
        self.first.as_ref().map_or(Ok(None), |first| first.peek(given, verdicts))
    }

    /// Keeps an entry that the session has surely seen; of more than `maxsize` the least recently used goes.
    pub(super) fn shelve(
        &mut self,
        hash: u64,
        entry: Entry<H>,
        maxsize: Option<usize>,
        displaced: &mut Displaced<H>,
    ) {
        let kept = self.kept.get_or_insert_default();
        kept.insert(hash, entry);
        if maxsize.is_some_and(|maxsize| kept.len() > maxsize) {
            displaced.extend(kept.pop_oldest().map(|(_, oldest)| Leaving::Entry(oldest)));
        }
    }

    /// Where what is kept of a key lies.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(super) fn find(
        &self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<(Slot, &Entry<H>)>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let slot = verdicts.find(&**kept, probe, |row| Some(&row.key))?;
        Ok(slot.and_then(|slot| Some((slot, kept.get(slot)?))))
    }

    /// Takes what is kept of a key away.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub fn unshelve(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        while let Some((slot, _)) = self.find(probe, verdicts)? {
            let gone = self.kept.as_mut().and_then(|kept| kept.remove(slot));
            displaced.extend(gone.map(|(_, entry)| Leaving::Entry(entry)));
        }
        Ok(())
    }

    /// Takes away what `leaves` accepts; all of one hash, if there is one.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        displaced: &mut Displaced<H>,
    ) {
        let gone = self.kept.iter_mut().flat_map(|kept| kept.strike(hash, |entry| leaves(&entry.key)));
        displaced.extend(gone.map(Leaving::Entry));
    }

    /// Keeps nothing any more.
    pub fn clear_shelf(&mut self, displaced: &mut Displaced<H>) {
        displaced.extend(self.kept.take().map(Leaving::Shelf));
    }

    /// Lets go of all.
    pub(super) fn leave(mut self, displaced: &mut Displaced<H>) {
        self.clear_shelf(displaced);
        displaced.push(Leaving::Answers(self.seen));
        displaced.extend(self.first.map(|first| Leaving::Answers(*first)));
    }

    /// What is kept.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.kept.iter().flat_map(|kept| kept.iter())
    }
}

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
pub struct Known<H: Host> {
    /// How many of its calls were answered with a value that was not fresh.
    pub stale: u64,
    /// What its latest calls did that were not answered at once.
    pub log: VecDeque<Logged>,
    /// A version function that is being asked, if it is given nothing: most sessions ask no other.
    asking: Option<Asking<H>>,
    /// All others.
    also_asking: Option<Box<Rows<Asking<H>>>>,
    answers: Few<(Weak<Ticket>, Answers<H>)>,
    /// By function.
    pub readers: Few<Reader<H>>,
}

impl<H: Host> Default for Known<H> {
    fn default() -> Self {
        Self {
            stale: 0,
            log: VecDeque::new(),
            asking: None,
            also_asking: None,
            answers: Few::default(),
            readers: Few::default(),
        }
    }
}

impl<H: Host> Known<H> {
    /// The answers of a scope. Those of scopes that no function uses any more are forgotten by and by.
    pub fn answers(&mut self, scope: &Scope, displaced: &mut Displaced<H>) -> &mut Answers<H> {
        if self.answers.is_full() && self.answers.get(*scope.0).is_none() {
            let gone = self.answers.strike(|(scope, _)| scope.strong_count() == 0);
            displaced.extend(gone.map(|(_, answers)| Leaving::Answers(answers)));
        }
        let known =
            self.answers.get_or_insert_with(*scope.0, || (Arc::downgrade(&scope.0), Answers::default()));
        &mut known.1
    }

    /// The same, if there are any.
    pub(super) fn answers_of(&self, scope: &Scope) -> Option<&Answers<H>> {
        self.answers.get(*scope.0).map(|(_, answers)| answers)
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
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Asks<H::Flight>> {
        let counts = |asking: &Asking<H>| {
            asking.scope == *scope.0 && (asking.flight.encloses(leader) || fit(&asking.flight))
        };
        let mut found = self.asking.as_ref().filter(|asking| given.is_none() && counts(asking));
        if found.is_none()
            && let Some(others) = self.also_asking.as_ref()
        {
            let slot = verdicts.find_given(&**others, (hash_of(scope, given), given), |asking| {
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
        displaced: &mut Displaced<H>,
    ) {
        let is_over = |asking: &Asking<H>| asking.flight.is(flight);
        displaced
            .extend(self.asking.take_if(|asking| is_over(asking)).map(|asking| Leaving::Run(asking.flight)));
        let others = self.also_asking.as_mut();
        for asking in
            others.into_iter().flat_map(|others| others.strike(Some(hash_of(scope, given)), is_over))
        {
            displaced.push(Leaving::Run(asking.flight));
            displaced.extend(asking.given.map(Leaving::Key));
        }
    }

    /// Forgets the answers of a hash for instances that have died, of all version functions and of the reader `id`.
    pub(super) fn forget_the_dead(&mut self, id: Ticket, hash: u64, displaced: &mut Displaced<H>) {
        for (_, answers) in self.answers.values_mut() {
            answers.forget_the_dead(Some(hash), displaced);
        }
        if let Some(reader) = self.readers.get_mut(id) {
            reader.seen.forget_the_dead(Some(hash), displaced);
            if let Some(first) = &mut reader.first {
                first.forget_the_dead(Some(hash), displaced);
            }
        }
    }

    /// Lets go of all that it keeps.
    pub fn clear_shelves(&mut self, displaced: &mut Displaced<H>) {
        self.readers.values_mut().for_each(|reader| reader.clear_shelf(displaced));
    }

    /// All answers, for whoever traces references.
    pub fn all_answers(&self) -> impl Iterator<Item = &Answers<H>> {
        self.answers.values().map(|(_, answers)| answers)
    }
}
