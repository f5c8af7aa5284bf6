//! Computations in progress: who may wait for which, and what they leave to those who waited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::clock::Nanos;
use super::compare::{Key, Probe, Unsure, Verdicts};
use super::entry::{Displaced, Entry, Leaving, Observation};
use super::stamp::Stamp;
use super::ticket::{self, Ticket};
use super::{Flight, Host};

/// What a computation brings to those who waited for it.
pub struct Arrival<H: Host> {
    /// The result, as it was stored or might have been.
    pub entry: Entry<H>,
    /// The version that was asked before, by which those who waited know whether it is for them.
    pub under: Stamp<H::Object>,
    /// What it vouches for.
    pub vouch: Ticket,
    /// Whether a session is to remember it: it was not refused, and not struck until now.
    pub keep: Arc<AtomicBool>,
}

impl<H: Host> Clone for Arrival<H> {
    fn clone(&self) -> Self {
        Self {
            entry: self.entry.clone(),
            under: self.under.clone(),
            vouch: self.vouch,
            keep: self.keep.clone(),
        }
    }
}

/// A computation in progress.
pub struct Going<H: Host> {
    ticket: Ticket,
    probe: Probe<H::Key>,
    tag: Ticket,
    version: H::Object,
    flight: H::Flight,
    /// The session of its caller; 0 for none.
    session: Ticket,
    /// When it began.
    born: Nanos,
    marks: Marks,
}

/// What happened while a computation went on.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    /// Its key was cleared or invalidated.
    pub(super) struck: bool,
    /// Somebody waits for it.
    pub(super) awaited: bool,
    /// The function called itself in the caller's session with the same arguments, or put a result.
    pub(super) bypassed: bool,
}

/// A computation that is over, and whose result somebody has yet to take. Its hash stands for its key, which would be kept alive here; a
/// key of the same hash that is struck costs no more than a session's memory of a result that the store has lost at once.
struct Landed {
    hash: u64,
    keep: Weak<AtomicBool>,
}

impl Landed {
    fn strike(&self) {
        if let Some(keep) = self.keep.upgrade() {
            keep.store(false, Ordering::Relaxed);
        }
    }
}

/// The computations of one function that are in progress.
pub struct Flights<H: Host> {
    going: Vec<Going<H>>,
    landed: Vec<Landed>,
}

impl<H: Host> Default for Flights<H> {
    fn default() -> Self {
        Self { going: Vec::new(), landed: Vec::new() }
    }
}

impl<H: Host> Flights<H> {
    /// Notes a computation. Those that ended without a word, with a thread that a fork left behind, are forgotten.
    pub(super) fn begin(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        flight: &H::Flight,
        (session, born): (Ticket, Nanos),
        displaced: &mut Displaced<H>,
    ) -> Ticket {
        let over = self.going.extract_if(.., |going| !going.flight.is_going());
        displaced.extend(over.map(Leaving::Computation));
        let ticket = ticket::draw();
        self.going.push(Going {
            ticket,
            probe: probe.clone(),
            tag: seen.tag,
            version: seen.version.clone(),
            flight: flight.clone(),
            session,
            born,
            marks: Marks::default(),
        });
        ticket
    }

    /// The computation of a key and version, not struck, that is `fit` to be waited for by when it began. Somebody waits for it from now on.
    pub(super) fn find(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        fit: impl Fn(&H::Flight, Nanos, Ticket) -> bool,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<H::Flight>, Unsure<H::Object>> {
        let place = self.position(probe, seen, fit, verdicts)?;
        Ok(place.and_then(|place| self.going.get_mut(place)).map(|going| {
            going.marks.awaited = true;
            going.flight.clone()
        }))
    }

    /// Where such a computation is noted.
    pub(super) fn position(
        &self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        fit: impl Fn(&H::Flight, Nanos, Ticket) -> bool,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<usize>, Unsure<H::Object>> {
        for (place, going) in self.going.iter().enumerate() {
            if going.probe.hash == probe.hash
                && !going.marks.struck
                && fit(&going.flight, going.born, going.ticket)
                && going.probe.key.matches(probe, verdicts)?
                && (going.tag == seen.tag || verdicts.same(&going.version, &seen.version)?)
            {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// What happened while a computation went on.
    pub(super) fn marks(&self, ticket: Ticket) -> Marks {
        let own = self.going.iter().find(|going| going.ticket == ticket);
        own.map_or_else(Marks::default, |going| going.marks)
    }

    /// The run of a computation.
    pub(super) fn flight(&self, ticket: Ticket) -> Option<H::Flight> {
        let own = self.going.iter().find(|going| going.ticket == ticket);
        own.map(|going| going.flight.clone())
    }

    /// Forgets a computation that is over.
    pub(super) fn end(&mut self, ticket: Ticket, displaced: &mut Displaced<H>) {
        let ended = self.going.iter().position(|going| going.ticket == ticket);
        displaced.extend(ended.map(|place| Leaving::Computation(self.going.swap_remove(place))));
    }

    /// Notes that a computation begins anew under another observation.
    pub(super) fn goes_by(
        &mut self,
        ticket: Ticket,
        seen: &Observation<H::Object>,
        displaced: &mut Displaced<H>,
    ) {
        if let Some(going) = self.going.iter_mut().find(|going| going.ticket == ticket) {
            going.tag = seen.tag;
            displaced.push(Leaving::Object(std::mem::replace(&mut going.version, seen.version.clone())));
        }
    }

    /// Notes that the function called itself in a session, or put a result, while it computes that key.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(super) fn bypass(
        &mut self,
        probe: &Probe<H::Key>,
        session: Ticket,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let same = |going: &&mut Going<H>| going.session == session && going.probe.hash == probe.hash;
        for going in self.going.iter_mut().filter(same) {
            going.marks.bypassed |= going.probe.key.matches(probe, verdicts)?;
        }
        Ok(())
    }

    /// Notes that a computation is over for which somebody waits. Whether its result is to be remembered may change until it is taken.
    pub(super) fn land(&mut self, hash: u64, keep: bool) -> Arc<AtomicBool> {
        self.landed.retain(|landed| landed.keep.strong_count() > 0);
        let keep = Arc::new(AtomicBool::new(keep));
        self.landed.push(Landed { hash, keep: Arc::downgrade(&keep) });
        keep
    }

    /// What runs now for keys that `leaves` accepts will not be stored, and nobody begins to wait for it.
    pub(super) fn strike(&mut self, leaves: impl Fn(&H::Key) -> bool) {
        for going in self.going.iter_mut().filter(|going| leaves(&going.probe.key)) {
            going.marks.struck = true;
        }
        self.landed.iter().for_each(Landed::strike);
    }

    /// As [`Flights::strike`], for one key.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(super) fn strike_key(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        for going in self.going.iter_mut().filter(|going| going.probe.hash == probe.hash) {
            going.marks.struck |= going.probe.key.matches(probe, verdicts)?;
        }
        self.landed.iter().filter(|landed| landed.hash == probe.hash).for_each(Landed::strike);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.going.len()
    }

    /// Whether nothing is being computed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.going.is_empty()
    }
}
