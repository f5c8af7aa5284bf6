//! Computations in progress: who may wait for which, and what they leave to those who waited.

use super::compare::{Key, Probe, Unsure, Verdicts};
use super::entry::{Displaced, Entry, Observation};
use super::ticket::{self, Ticket};
use super::{Flight, Host};

/// What a computation brings to those who waited for it.
pub struct Arrival<H: Host> {
    /// The result, as it was stored or might have been.
    pub entry: Entry<H>,
    /// What it vouches for.
    pub vouch: Ticket,
    /// Whether a session is to remember it: it was neither refused nor struck.
    pub keep: bool,
}

impl<H: Host> Clone for Arrival<H> {
    fn clone(&self) -> Self {
        Self { entry: self.entry.clone(), ..*self }
    }
}

/// A computation in progress.
pub struct Going<H: Host> {
    ticket: Ticket,
    probe: Probe<H::Key>,
    tag: Ticket,
    version: H::Object,
    flight: H::Flight,
    /// Its key was cleared or invalidated meanwhile.
    struck: bool,
    /// Somebody waits for it.
    awaited: bool,
}

/// The computations of one function that are in progress.
pub struct Flights<H: Host>(Vec<Going<H>>);

impl<H: Host> Default for Flights<H> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<H: Host> Flights<H> {
    /// Notes a computation. Those that ended without a word, with a thread that a fork left behind, are forgotten.
    pub(super) fn begin(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        flight: &H::Flight,
        displaced: &mut Displaced<H>,
    ) -> Ticket {
        displaced.flights.extend(self.0.extract_if(.., |going| !going.flight.is_going()));
        let ticket = ticket::draw();
        self.0.push(Going {
            ticket,
            probe: probe.clone(),
            tag: seen.tag,
            version: seen.version.clone(),
            flight: flight.clone(),
            struck: false,
            awaited: false,
        });
        ticket
    }

    /// The computation of a key and version that `leader` may wait for: it goes on and has not been struck.
    pub(super) fn find(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        leader: <H::Flight as Flight>::Leader,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<H::Flight>, Unsure<H::Object>> {
        for going in self.0.iter_mut().filter(|going| going.probe.hash == probe.hash && !going.struck) {
            if going.flight.serves(leader)
                && going.probe.key.matches(probe, verdicts)?
                && (going.tag == seen.tag || verdicts.same(&going.version, &seen.version)?)
            {
                going.awaited = true;
                return Ok(Some(going.flight.clone()));
            }
        }
        Ok(None)
    }

    /// Whether a computation was struck.
    pub(super) fn is_struck(&self, ticket: Ticket) -> bool {
        self.0.iter().any(|going| going.ticket == ticket && going.struck)
    }

    /// Whether somebody waits for a computation.
    pub(super) fn is_awaited(&self, ticket: Ticket) -> bool {
        self.0.iter().any(|going| going.ticket == ticket && going.awaited)
    }

    /// Forgets a computation that is over.
    pub(super) fn end(&mut self, ticket: Ticket, displaced: &mut Displaced<H>) {
        let ended = self.0.iter().position(|going| going.ticket == ticket);
        displaced.flights.extend(ended.map(|place| self.0.swap_remove(place)));
    }

    /// What runs now for keys that `leaves` accepts will not be stored, and nobody begins to wait for it.
    pub(super) fn strike(&mut self, leaves: impl Fn(&H::Key) -> bool) {
        for going in self.0.iter_mut().filter(|going| leaves(&going.probe.key)) {
            going.struck = true;
        }
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
        for going in self.0.iter_mut().filter(|going| going.probe.hash == probe.hash) {
            going.struck |= going.probe.key.matches(probe, verdicts)?;
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is being computed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
