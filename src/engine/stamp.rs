//! The versions of stored entries. Many entries are of one version, so they share what is known of it.

use super::clock::Nanos;
use super::entry::Observation;
use super::ticket::Ticket;

/// A version, and what is known of it.
#[derive(Clone, Debug)]
pub struct Stamp<O> {
    /// The version.
    pub version: O,
    /// As in [`super::Observation::tag`].
    pub tag: Ticket,
    /// The newest observation that is known to agree with it.
    pub ticket: Ticket,
    /// When an observation first differed since one agreed; 0 if none has.
    pub differs: Nanos,
    /// It was seen in a result, in place of the one that was observed: then `ticket` only says when that was.
    pub lags: bool,
}

impl<O: Clone> Stamp<O> {
    /// The version that an observation saw.
    #[must_use]
    pub fn of(observation: &Observation<O>) -> Self {
        let Observation { version, tag, ticket, .. } = observation;
        Self { version: version.clone(), tag: *tag, ticket: *ticket, differs: 0, lags: false }
    }

    /// Whether it was observed later than that.
    pub(super) fn is_newer(&self, observation: &Observation<O>) -> bool {
        self.ticket > observation.until && !self.lags
    }

    /// Notes whether an observation at some time agrees with it.
    pub(super) fn heed(&mut self, agrees: bool, at: Nanos) {
        if agrees {
            self.differs = 0;
        } else if self.differs == 0 {
            self.differs = at;
        }
    }

    /// Notes an observation that agrees.
    pub(super) fn agree(&mut self, ticket: Ticket) {
        (self.ticket, self.differs, self.lags) = (self.ticket.max(ticket), 0, false);
    }
}

/// Where the stamp of a stored entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

struct Shared<O> {
    stamp: Stamp<O>,
    /// The hash of what the version function was given, for which alone it speaks; 0 for nothing.
    given: u64,
    /// How many entries it has.
    uses: u32,
}

/// The stamps of the entries in one store.
pub struct Stamps<O> {
    places: Vec<Option<Shared<O>>>,
    free: Vec<Place>,
    /// The one made last, if it is still in use: the next entry is likely to be of the same version.
    latest: Option<Place>,
}

impl<O> Default for Stamps<O> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), latest: None }
    }
}

impl<O: Clone> Stamps<O> {
    /// The stamp made last for what the version function was given.
    pub(super) fn latest(&self, given: u64) -> Option<&Stamp<O>> {
        let shared = self.places.get(self.latest?.0 as usize)?.as_ref()?;
        (shared.given == given && !shared.stamp.lags).then_some(&shared.stamp)
    }

    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<&Stamp<O>> {
        self.places.get(place.0 as usize)?.as_ref().map(|shared| &shared.stamp)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Stamp<O>> {
        self.places.get_mut(place.0 as usize)?.as_mut().map(|shared| &mut shared.stamp)
    }

    /// Takes the stamp of a new entry. If it `agrees` with the latest one, that is as new as both, and its version is handed back.
    pub(super) fn take(&mut self, stamp: Stamp<O>, given: u64, agrees: bool) -> (Place, Option<O>) {
        if agrees
            && let Some(place) = self.latest
            && let Some(Some(shared)) = self.places.get_mut(place.0 as usize)
        {
            shared.uses += 1;
            shared.stamp.tag = shared.stamp.tag.max(stamp.tag);
            shared.stamp.agree(stamp.ticket);
            return (place, Some(stamp.version));
        }
        let shared = Some(Shared { stamp, given, uses: 1 });
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            Place(u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX))
        });
        if let Some(free) = self.places.get_mut(place.0 as usize) {
            *free = shared;
        }
        self.latest = Some(place);
        (place, None)
    }

    /// Gives the stamp of an entry that leaves.
    pub(super) fn give(&mut self, place: Place) -> Option<Stamp<O>> {
        let slot = self.places.get_mut(place.0 as usize)?;
        let shared = slot.as_mut()?;
        shared.uses -= 1;
        if shared.uses > 0 {
            return Some(shared.stamp.clone());
        }
        self.latest.take_if(|latest| *latest == place);
        self.free.push(place);
        slot.take().map(|shared| shared.stamp)
    }

    /// Those for what the version function was given, to be changed.
    pub(super) fn all_mut(&mut self, given: u64) -> impl Iterator<Item = &mut Stamp<O>> {
        let places = self.places.iter_mut().flatten();
        places.filter(move |shared| shared.given == given).map(|shared| &mut shared.stamp)
    }

    /// Those in use.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stamp<O>> {
        self.places.iter().flatten().map(|shared| &shared.stamp)
    }
}
