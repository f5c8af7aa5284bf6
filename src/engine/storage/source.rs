//! A data source, that is a version function and what it is given, with all that is known of it: it holds for
//! all entries of which an answer then speaks.

use smallvec::SmallVec;

use crate::engine::clock::Nanos;
use crate::engine::host::Host;
use crate::engine::order::Ticket;
use crate::engine::versions::outage::Outage;
use crate::engine::versions::version_stamp::StampId;

/// A source of which something is stored. When that has left, nothing is known of it any more.
pub(crate) struct Source<H: Host> {
    /// What the version function is given, if it is given anything.
    pub(crate) given: Option<H::Key>,
    /// How many versions of it are stored.
    version_table: u32,
    /// The version stored last, if it still is: the next entry is likely to be of the same.
    pub(crate) latest: Option<StampId>,
    /// The versions from which no observation has differed, as far as is known. Hardly ever more than one, so
    /// that an observation is compared with few: from then on the others are known to differ, until one of
    /// them is found to be the version again.
    pub(crate) open: SmallVec<[StampId; 2]>,
    /// The newest observation, as far as that matters here.
    pub(crate) seen: Option<LastSeen<H::Object>>,
    /// When the latest run of the version function began that is known to have answered.
    answered: Ticket,
    /// How the version function fails.
    pub(crate) outage: Option<Outage>,
}

/// What was observed last, and when the version function began to run.
pub(crate) struct LastSeen<O> {
    pub(crate) version: O,
    pub(crate) since: Ticket,
}

impl<H: Host> Source<H> {
    /// One of which nothing is known yet.
    pub(crate) fn of(given: Option<H::Key>) -> Self {
        Self {
            given,
            version_table: 0,
            latest: None,
            open: SmallVec::new(),
            seen: None,
            answered: 0,
            outage: None,
        }
    }

    /// Notes that the version function failed, in a run that began at `since`, unless one that began no
    /// earlier is known to have failed, or to have answered: those who waited may hear of it late.
    pub(crate) fn fails(&mut self, now: Nanos, since: Ticket) {
        if self.answered < since && self.outage.is_none_or(|outage| outage.ticket < since) {
            self.outage = Some(Outage::again(self.outage, now, since));
        }
    }

    /// Whether an observation is as new as any.
    pub(crate) fn is_newest(&self, ticket: Ticket) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.since <= ticket)
    }

    /// Takes note of an answer to a question asked at `since`.
    pub(crate) fn answers(&mut self, since: Ticket) {
        self.answered = self.answered.max(since);
    }

    /// Takes a new version. One that `lags` shares nothing with others.
    pub(crate) fn join(&mut self, place: StampId, open: bool, lags: bool) {
        self.version_table += 1;
        if !lags {
            self.latest = Some(place);
        }
        self.open.extend(open.then_some(place));
    }

    /// Gives a version up. Whether that was the last.
    pub(crate) fn leave(&mut self, place: StampId) -> bool {
        self.version_table -= 1;
        self.latest.take_if(|latest| *latest == place);
        self.open.retain(|open| *open != place);
        self.version_table == 0
    }
}
