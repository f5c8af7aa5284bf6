//! The first hit of a session: its version is asked, and what is stored answers if it is of that.
//!
//! The version function runs between two looks at the cache, as for a hit in no session. Others of the
//! session wait for the answer, and it goes by that from then on. All that is not so plain is for the state
//! machine, which goes on with the question that was put.

use crate::engine::function_cache::asked_hit::Candidate;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::{Decided, Flight, Host};
use crate::engine::keys::comparisons::Comparisons;
use crate::engine::keys::key::{Probe, Sought};
use crate::engine::order::{self, Ticket};
use crate::engine::session::answers::Scope;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::Status;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::Look;
use crate::engine::versions::observation::Observation;

/// What a question is about: a version function, and what that is given, if its answer depends on it.
pub type About<'a, H> = (&'a Scope, Option<&'a Probe<<H as Host>::Key>>);

/// A question that is put for a session.
pub struct FirstQuestion<H: Host> {
    /// The entry for which the answer may be good.
    pub candidate: Candidate<H::Object>,
    /// What others of the session wait for.
    pub flight: H::Flight,
}

/// What was decided, if nothing has to be asked for that.
fn surely<H: Host, T>(decided: Decided<H, T>, drops: &mut DeferredDrops<H>) -> Option<T> {
    decided.map_err(|unsure| drops.push(Leaving::Whole(Box::new(unsure)))).ok()
}

impl<H: SessionHost> Context<'_, H> {
    /// Begins to ask about the entry that is sought, if nothing but the answer decides whether that serves,
    /// and the session has none yet. It is a reader of the function from then on.
    pub fn begin_first<S: Sought<H::Key, Other = ()>>(
        &mut self,
        (hash, sought): (u64, S),
        about: About<'_, H>,
        leader: &<H::Flight as Flight>::Leader,
    ) -> Option<FirstQuestion<H>> {
        let is_asking = self.caller.as_ref().is_none_or(|caller| caller.memory.is_asking());
        if is_asking || !self.has_no_answer(about) || !self.keeps_nothing_of(hash) {
            return None;
        }
        let candidate = self.cache.candidate(hash, sought).ok()??;
        let session = self.session();
        let is_noted = |look: Look<'_, H>| self.cache.entries.is_noted(look.entry, session);
        // What was stored since the session began takes a note.
        let takes_note = candidate.stored > session;
        if takes_note || self.cache.entries.get(candidate.slot).is_none_or(is_noted) {
            self.drops.push(Leaving::Object(candidate.version));
            return None;
        }
        let flight = H::Flight::begin(leader);
        if let Some(caller) = &mut self.caller {
            let (id, held) = (caller.id, caller.session);
            caller.memory.readers.get_or_insert_with(self.cache.id, || self.cache.join(id, held));
            caller.memory.ask(about.0, about.1, (&flight, candidate.since));
        }
        Some(FirstQuestion { candidate, flight })
    }

    /// Serves the entry whose version was found to be what was `observed`, by which the session goes from now
    /// on; or nothing, if not all is as it was when that was asked. The result, and the tag and the ticket by
    /// which it is served.
    pub fn answer_first(
        &mut self,
        hash: u64,
        about: About<'_, H>,
        question: &FirstQuestion<H>,
        observed: &Observation<H::Object>,
    ) -> Option<(H::Object, (Ticket, Ticket))> {
        if !self.has_no_answer(about) {
            return None;
        }
        let (FirstQuestion { candidate, flight }, (scope, given)) = (question, about);
        let (slot, id, comparisons) = (candidate.slot, self.session(), Comparisons::default());
        let look = self.cache.entries.get(slot)?;
        if look.entry.stored != candidate.stored || self.cache.entries.is_noted(look.entry, id) {
            return None;
        }
        // By a version that depends on arguments the hit path knows nothing.
        let noted = match given {
            Some(_) => surely(self.cache.is_note_free(look, about, &comparisons, self.drops), self.drops)?,
            None => false,
        };
        let (caller, bound) = (self.caller.as_mut()?, self.cache.terms.answers());
        let reader = caller.memory.readers.get_mut(self.cache.id)?;
        let serve = |Look { entry, stamp, .. }: Look<'_, H>| (entry.value.clone(), stamp.tag, stamp.ticket);
        let (value, tag, ticket) = self.cache.answer(candidate, serve)?;
        let is_new = reader.is_new();
        // The older of two tags of one version wins.
        let renamed = Observation { tag, ..observed.clone() };
        let (name, asked) = ((self.cache.id, scope), (given, &renamed));
        let known = caller.memory.answer(name, asked, bound, &comparisons, self.drops);
        debug_assert!(known.is_ok(), "it was looked for");
        let known = caller.memory.go_by(name, asked, &comparisons, self.drops);
        debug_assert!(known.is_ok(), "it was looked for");
        self.drops.push(Leaving::Observation(renamed));
        caller.memory.asked(scope, given, flight, self.drops);
        if noted {
            if let Some((entry, _)) = self.cache.entries.get_mut(slot) {
                entry.known_in = id;
            }
        } else if given.is_none() {
            if is_new {
                self.cache.note(slot, id);
            }
            self.cache.hints[order::lane(id)] = SessionHint { session: id, tag, ticket: observed.ticket };
        }
        self.log(hash, Status { hit: true, ..Status::default() });
        Some((value, (tag, if ticket <= observed.until { observed.ticket } else { ticket })))
    }

    /// Whether the caller is in a session that knows no answer to a question, puts none, and knows what is of
    /// its answer by that alone.
    fn has_no_answer(&mut self, (scope, given): About<'_, H>) -> bool {
        let Some(caller) = &self.caller else { return false };
        let memory = &*caller.memory;
        let reader = memory.readers.get(self.cache.id);
        if reader.is_some_and(|reader| !reader.knows_by_version()) {
            return false;
        }
        let mut known = [memory.answers_of(scope), reader.map(|reader| &reader.seen)].into_iter().flatten();
        let Some(given) = given else { return known.all(|answers| answers.only().is_none()) };
        let comparisons = Comparisons::default();
        known.all(|answers| {
            let answer = surely(answers.peek(Some(given), &comparisons), self.drops);
            answer.is_some_and(|answer| answer.is_none())
        })
    }
}
