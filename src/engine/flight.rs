//! Computations in progress: who may wait for which, and what they leave to those who waited.

use std::convert::Infallible;
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
    /// The result.
    pub landed: Arc<Landed<H>>,
    /// The version that was asked before, by which those who waited know whether it is for them.
    pub under: Stamp<H::Object>,
    /// What it vouches for.
    pub vouch: Ticket,
}

impl<H: Host> Clone for Arrival<H> {
    fn clone(&self) -> Self {
        Self { landed: self.landed.clone(), under: self.under.clone(), vouch: self.vouch }
    }
}

impl<H: Host> Arrival<H> {
    /// Whether it is of a later observation than that, and does not lag behind it.
    pub(super) fn is_newer(&self, seen: &Observation<H::Object>) -> bool {
        self.under.is_newer(seen) && !self.landed.entry.stamp.lags
    }
}

/// A result that somebody has yet to take.
pub struct Landed<H: Host> {
    hash: u64,
    /// As it was stored, or might have been.
    pub(super) entry: Entry<H>,
    keep: AtomicBool,
}

impl<H: Host> Landed<H> {
    /// Whether a session is to remember it: it was not refused, and not struck until now.
    pub(super) fn is_to_be_kept(&self) -> bool {
        self.keep.load(Ordering::Relaxed)
    }
}

/// A result that is not decided yet, and by what tag and ticket it is served.
type Shown<O> = (O, (Ticket, Ticket));

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
    /// What it has made, while that is validated, and by what tag and ticket that is served.
    made: Option<Shown<H::Object>>,
}

/// Whether the function called itself in the caller's session with the same arguments, or put a result.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Bypass {
    #[default]
    No,
    Yes,
    /// It did, and what came of that the session keeps for itself.
    Kept,
}

/// What happened while a computation went on.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    /// Its key was cleared or invalidated.
    pub(super) struck: bool,
    /// Somebody waits for it.
    pub(super) awaited: bool,
    /// What its function did meanwhile.
    pub(super) bypass: Bypass,
}

/// The computations of one function that are in progress.
pub struct Flights<H: Host> {
    going: Vec<Going<H>>,
    landed: Vec<Weak<Landed<H>>>,
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
            made: None,
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

    /// Shows its own session what a computation has made, while that is validated: whatever comes of that, the session goes by it.
    pub(super) fn show(&mut self, ticket: Ticket, value: &H::Object, served_by: (Ticket, Ticket)) {
        let own = self.going.iter_mut().find(|going| going.ticket == ticket);
        if let Some(going) = own.filter(|going| going.made.is_none()) {
            going.made = Some((value.clone(), served_by));
        }
    }

    /// What a session is shown of a run.
    pub(super) fn shown(&self, flight: &H::Flight, session: Ticket) -> Option<Shown<H::Object>> {
        let own = self.going.iter().find(|going| going.flight.is(flight) && going.session == session);
        own.and_then(|going| going.made.clone())
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

    /// Whether a session computes a key of that hash.
    pub(super) fn computes(&self, hash: u64, session: Ticket) -> bool {
        let same = |going: &Going<H>| going.session == session && going.probe.hash == hash;
        session != 0 && self.going.iter().any(same)
    }

    /// Notes that in a session the function calls itself, or puts a result, while it computes that key: in those runs that are `around` the caller,
    /// which are returned.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(super) fn bypass(
        &mut self,
        probe: &Probe<H::Key>,
        session: Ticket,
        around: &[H::Flight],
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Vec<Ticket>, Unsure<H::Object>> {
        let same = |going: &&mut Going<H>| {
            going.session == session
                && going.probe.hash == probe.hash
                && around.iter().any(|run| run.is(&going.flight))
        };
        let mut outer = Vec::new();
        for going in self.going.iter_mut().filter(same) {
            if going.probe.key.matches(probe, verdicts)? {
                if going.marks.bypass == Bypass::No {
                    going.marks.bypass = Bypass::Yes;
                }
                outer.push(going.ticket);
            }
        }
        Ok(outer)
    }

    /// Notes that the session of these runs goes by what was made within them.
    pub(super) fn supersede(&mut self, outer: &[Ticket]) {
        for going in self.going.iter_mut().filter(|going| outer.contains(&going.ticket)) {
            going.marks.bypass = Bypass::Kept;
        }
    }

    /// Notes that a computation is over for which somebody waits. Whether its result is to be remembered may change until it is taken.
    pub(super) fn land(&mut self, (hash, entry): (u64, Entry<H>), keep: bool) -> Arc<Landed<H>> {
        self.landed.retain(|landed| landed.strong_count() > 0);
        let landed = Arc::new(Landed { hash, entry, keep: AtomicBool::new(keep) });
        self.landed.push(Arc::downgrade(&landed));
        landed
    }

    /// What runs now for keys that `leaves` accepts will not be stored, and nobody begins to wait for it.
    pub(super) fn strike(&mut self, leaves: impl Fn(&H::Key) -> bool, displaced: &mut Displaced<H>) {
        let Ok(()) = self.strike_where(|_, key| Ok::<_, Infallible>(leaves(key)), displaced);
    }

    /// As [`Flights::strike`], for one key.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(super) fn strike_key(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let same =
            |hash, key: &H::Key| if hash == probe.hash { key.matches(probe, verdicts) } else { Ok(false) };
        self.strike_where(same, displaced)
    }

    /// The same for the keys, with their hashes, that `leaves` accepts.
    fn strike_where<E>(
        &mut self,
        leaves: impl Fn(u64, &H::Key) -> Result<bool, E>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), E> {
        for going in &mut self.going {
            going.marks.struck |= leaves(going.probe.hash, &going.probe.key)?;
        }
        for landed in self.landed.iter().filter_map(Weak::upgrade) {
            let struck = leaves(landed.hash, &landed.entry.key);
            if matches!(struck, Ok(true)) {
                landed.keep.store(false, Ordering::Relaxed);
            }
            // Whoever was to take it may have let go of it meanwhile.
            displaced.push(Leaving::Landed(landed));
            struck?;
        }
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
