//! A version stamp, the validator of stored results: the version under which they are stored, with what
//! observations have said of it since.

use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Object;
use crate::engine::order::Ticket;
use crate::engine::versions::observation::{NamedVersion, Observation};

/// A version, and what is known of it.
#[derive(Clone, Debug)]
pub struct VersionStamp<O> {
    /// The version.
    pub version: O,
    /// As in [`super::Observation::tag`].
    pub tag: Ticket,
    /// The newest observation that is known to agree with it.
    pub ticket: Ticket,
    /// It was seen in a result, in place of the one that was observed: then `ticket` only says when that was.
    pub lags: bool,
}

impl<O: Clone> VersionStamp<O> {
    /// The version that an observation saw.
    #[must_use]
    pub fn of(observation: &Observation<O>) -> Self {
        let Observation { version, tag, ticket, .. } = observation;
        Self { version: version.clone(), tag: *tag, ticket: *ticket, lags: false }
    }

    /// Whether it is the version that an observation saw.
    ///
    /// # Errors
    /// [`Unsure`] when the two versions were not yet compared.
    pub(crate) fn is_of(&self, seen: &Observation<O>, comparisons: &Comparisons<O>) -> Result<bool, Unsure<O>>
    where
        O: Object,
    {
        self.is_that(seen.named(), comparisons)
    }

    /// The same of a version that is known with its tag.
    pub(crate) fn is_that(
        &self,
        seen: NamedVersion<'_, O>,
        comparisons: &Comparisons<O>,
    ) -> Result<bool, Unsure<O>>
    where
        O: Object,
    {
        Ok(self.tag == seen.tag || comparisons.same(&self.version, seen.version)?)
    }

    /// Takes note of an observation that agrees.
    pub(crate) fn verify(&mut self, ticket: Ticket) {
        (self.ticket, self.lags) = (self.ticket.max(ticket), false);
    }

    /// Whether it was observed later than that.
    pub(crate) fn is_newer(&self, observation: &Observation<O>) -> bool {
        self.ticket > observation.until && !self.lags
    }
}

/// Where the stamp of a stored entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampId(pub(crate) u32);
