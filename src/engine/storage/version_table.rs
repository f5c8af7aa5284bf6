//! Interned versions with a count of their uses: the versions of stored entries. Many entries are of one
//! version, so they share what is known of it.

use crate::engine::clock::Nanos;
use crate::engine::host::Host;
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Object, Probe};
use crate::engine::order::Ticket;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::source::{LastSeen, Source};
use crate::engine::tables::lru_table::{LruTable, Slot};
use crate::engine::versions::observation::Observation;
use crate::engine::versions::version_stamp::{StampId, VersionStamp};

/// What is known of a stamp beside itself, where its source is known.
#[derive(Clone, Copy)]
struct Sharing {
    source: Slot,
    /// When an observation first differed since one agreed; 0 if none has.
    differs: Nanos,
    /// How many entries it has.
    uses: u32,
}

/// With whom a new entry has its stamp in common.
pub(crate) struct Interning<'a, K: Key> {
    given: Option<&'a Probe<K>>,
    source: Option<Slot>,
    /// Its version is the one that was stored last of that source.
    agrees: bool,
    /// When another version was observed since; 0 if none was.
    differs: Nanos,
}

impl<K: Key> Interning<'_, K> {
    /// The same where another version was observed since, and when.
    pub(crate) fn outlived(self, differs: Nanos) -> Self {
        Self { differs, ..self }
    }
}

/// The stamps of the entries in one cache, and what is known of their sources. If it does not matter when an
/// entry stopped being fresh, that is nothing but which stamp was made last; and nothing at all where the
/// version function is given something, since few entries share stamps there.
pub struct VersionTable<H: Host> {
    places: Vec<Option<VersionStamp<H::Object>>>,
    /// What is known beside of the stamps in those places, if of any: as a rule of all or of none.
    sharing: Vec<Option<Sharing>>,
    free: Vec<StampId>,
    sources: LruTable<Source<H>>,
    /// The one whose version function is given nothing: the only one there is, of most functions.
    only: Option<Slot>,
    follows: bool,
}

impl<H: Host> VersionTable<H> {
    /// None yet. `follows` says that it matters when an entry stopped being fresh.
    pub(crate) fn new(follows: bool) -> Self {
        Self {
            places: Vec::new(),
            sharing: Vec::new(),
            free: Vec::new(),
            sources: LruTable::default(),
            only: None,
            follows,
        }
    }

    #[inline]
    pub(crate) fn get(&self, place: StampId) -> Option<&VersionStamp<H::Object>> {
        self.places.get(place.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: StampId) -> Option<&mut VersionStamp<H::Object>> {
        self.places.get_mut(place.0 as usize)?.as_mut()
    }

    fn sharing(&self, place: StampId) -> Option<&Sharing> {
        self.sharing.get(place.0 as usize)?.as_ref()
    }

    fn sharing_mut(&mut self, place: StampId) -> Option<&mut Sharing> {
        self.sharing.get_mut(place.0 as usize)?.as_mut()
    }

    /// When an observation first differed from a stamp since one agreed; 0 if none has, as far as is known.
    pub(crate) fn differs(&self, place: StampId) -> Nanos {
        self.sharing(place).map_or(0, |sharing| sharing.differs)
    }

    /// Where that lies which is known of a source, by what the version function is given.
    pub(crate) fn find(
        &self,
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        let Some(given) = given else { return Ok(self.only) };
        comparisons.find(&self.sources, given, |source| source.given.as_ref())
    }

    /// What is known of a source.
    pub(crate) fn source(&self, slot: Slot) -> Option<&Source<H>> {
        self.sources.get(slot)
    }

    /// The same, to be changed.
    pub(crate) fn source_mut(&mut self, slot: Slot) -> Option<&mut Source<H>> {
        self.sources.get_mut(slot)
    }

    /// What is known of the source of a stamp.
    pub(crate) fn source_of(&self, place: StampId) -> Option<&Source<H>> {
        self.sources.get(self.sharing(place)?.source)
    }

    /// With whom an entry will have its stamp in common.
    pub(crate) fn interning<'a>(
        &self,
        given: Option<&'a Probe<H::Key>>,
        version: &H::Object,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Interning<'a, H::Key>, Unsure<H::Object>> {
        let source = self.find(given, comparisons)?;
        let latest = source.and_then(|slot| self.get(self.source(slot)?.latest?));
        let agrees = latest.map_or(Ok(false), |latest| comparisons.same(&latest.version, version))?;
        Ok(Interning { given, source, agrees, differs: 0 })
    }

    /// The same where the version function is given nothing, if it can be told without asking anybody.
    pub(crate) fn interning_natively(&self, version: &H::Object) -> Option<Interning<'static, H::Key>> {
        let latest = self.only.and_then(|slot| self.get(self.source(slot)?.latest?));
        let agrees = match latest {
            Some(latest) if latest.version.is(version) => true,
            Some(latest) => latest.version.native_eq(version)?,
            None => false,
        };
        Some(Interning { given: None, source: self.only, agrees, differs: 0 })
    }

    /// Takes the stamp of a new entry. If there is one that it can share, then that is as new as both, and
    /// its version is handed back.
    pub(crate) fn intern(
        &mut self,
        stamp: VersionStamp<H::Object>,
        interning: &Interning<'_, H::Key>,
    ) -> (StampId, Option<H::Object>) {
        let latest = interning.source.and_then(|slot| self.source(slot)?.latest);
        if interning.agrees
            && !stamp.lags
            && let Some(place) = latest
            && let Some(Some(shared)) = self.places.get_mut(place.0 as usize)
            && let Some(Some(sharing)) = self.sharing.get_mut(place.0 as usize)
        {
            sharing.uses += 1;
            let differs = sharing.differs != 0;
            shared.tag = shared.tag.min(stamp.tag);
            shared.verify(stamp.ticket);
            if differs {
                self.reopen(place, stamp.ticket);
            }
            if let Some(source) = interning.source.and_then(|slot| self.sources.get_mut(slot)) {
                source.answers(stamp.ticket);
            }
            return (place, Some(stamp.version));
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            StampId(u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX))
        });
        let source = match interning.given {
            Some(given) if self.follows => {
                let new = || Source::of(Some(given.key.clone()));
                Some(interning.source.unwrap_or_else(|| self.sources.insert(given.hash, new())))
            }
            Some(_) => None,
            None => Some(*self.only.get_or_insert_with(|| self.sources.insert(0, Source::of(None)))),
        };
        if let Some(slot) = source
            && let Some(source) = self.sources.get_mut(slot)
        {
            source.join(place, self.follows && interning.differs == 0, stamp.lags);
            source.answers(stamp.ticket);
            if self.sharing.len() < self.places.len() {
                self.sharing.resize(self.places.len(), None);
            }
            self.sharing[place.0 as usize] =
                Some(Sharing { source: slot, differs: interning.differs, uses: 1 });
        }
        if let Some(free) = self.places.get_mut(place.0 as usize) {
            *free = Some(stamp);
        }
        (place, None)
    }

    /// Gives the stamp of an entry that leaves.
    pub(crate) fn release(
        &mut self,
        place: StampId,
        drops: &mut DeferredDrops<H>,
    ) -> Option<VersionStamp<H::Object>> {
        if let Some(sharing) = self.sharing_mut(place)
            && sharing.uses > 1
        {
            sharing.uses -= 1;
            return self.get(place).cloned();
        }
        let stamp = self.places.get_mut(place.0 as usize)?.take()?;
        self.free.push(place);
        let sharing = self.sharing.get_mut(place.0 as usize).and_then(Option::take);
        if let Some(Sharing { source: slot, .. }) = sharing
            && self.sources.get_mut(slot).is_some_and(|source| source.leave(place))
            && let Some(source) = self.sources.remove(slot)
        {
            self.only.take_if(|only| *only == slot);
            drops.extend(source.given.map(Leaving::Key));
            drops.extend(source.seen.map(|seen| Leaving::Object(seen.version)));
        }
        Some(stamp)
    }

    /// Notes an observation that agrees with a stamp.
    pub(crate) fn agree(&mut self, place: StampId, ticket: Ticket) {
        if let Some(stamp) = self.get_mut(place) {
            stamp.verify(ticket);
        }
        self.reopen(place, ticket);
    }

    /// Forgets when observations began to differ from a stamp, because one agrees that is as new as any.
    pub(crate) fn reopen(&mut self, place: StampId, ticket: Ticket) {
        if let Some(Some(sharing)) = self.sharing.get_mut(place.0 as usize)
            && sharing.differs != 0
            && let Some(source) = self.sources.get_mut(sharing.source)
            && source.is_newest(ticket)
        {
            sharing.differs = 0;
            source.open.push(place);
        }
    }

    /// Whether an observation is as new as any of the source of a stamp.
    pub(crate) fn is_newest(&self, place: StampId, ticket: Ticket) -> bool {
        self.source_of(place).is_some_and(|source| source.is_newest(ticket))
    }

    /// The stamps of a source from which no observation has differed, as far as is known.
    pub(crate) fn open(&self, slot: Slot) -> impl Iterator<Item = (StampId, &VersionStamp<H::Object>)> {
        let open = self.source(slot).into_iter().flat_map(|source| &source.open);
        open.filter_map(|place| Some((*place, self.get(*place)?)))
    }

    /// Notes the newest observation of a source, and that it and all since `at` differ from these stamps.
    pub(crate) fn observe(
        &mut self,
        slot: Slot,
        seen: &Observation<H::Object>,
        (differing, at): (&[StampId], Nanos),
        drops: &mut DeferredDrops<H>,
    ) {
        let Some(source) = self.sources.get_mut(slot) else { return };
        source.answers(seen.since);
        source.outage.take_if(|outage| outage.ticket < seen.since);
        if source.seen.as_ref().is_none_or(|before| before.since != seen.since) {
            let new = LastSeen { version: seen.version.clone(), since: seen.since };
            drops.extend(source.seen.replace(new).map(|seen| Leaving::Object(seen.version)));
        }
        source.open.retain(|place| !differing.contains(place));
        for place in differing {
            if let Some(sharing) = self.sharing_mut(*place) {
                sharing.differs = at.max(1);
            }
        }
    }

    /// The versions that are held, for whoever traces references.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &H::Object> {
        let seen = self.sources.iter().filter_map(|source| source.seen.as_ref());
        let stamps = self.places.iter().flatten().map(|stamp| &stamp.version);
        stamps.chain(seen.map(|seen| &seen.version))
    }

    /// What version functions were given, for the same.
    pub(crate) fn givens(&self) -> impl Iterator<Item = &H::Key> {
        self.sources.iter().filter_map(|source| source.given.as_ref())
    }

    /// Of how many sources something is known.
    #[cfg(test)]
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }
}
