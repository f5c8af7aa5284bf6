//! Repeatable reads: whether a session knows a result again, as one that it has been given or may have been
//! given.
//!
//! A session knows what is noted for it, and what was stored before it began under the version by which it
//! goes. This is the one place where that is worked out. The hit path asks the same of tags alone, without a
//! comparison.

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::Comparisons;
use crate::engine::keys::key::Probe;
use crate::engine::order::Ticket;
use crate::engine::session::reader::Reader;
use crate::engine::versions::observation::{CompactObservation, NamedVersion};
use crate::engine::versions::version_stamp::VersionStamp;

/// How a session knows a result again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recognition {
    /// A note says that it was given this very result.
    Noted,
    /// It goes by this version.
    Version,
    /// It went by this version first, before a call asked again.
    FirstVersion,
}

/// A session as it judges the results of one function for certain arguments.
pub(crate) struct ReaderView<'a, H: Host> {
    /// The session; what was stored later is new to it.
    pub(crate) id: Ticket,
    /// The version by which it goes, if it has one.
    pub(crate) seen: Option<NamedVersion<'a, H::Object>>,
    /// What it remembers of the function.
    pub(crate) reader: Option<&'a Reader<H>>,
    /// What the version function is given.
    pub(crate) given: Option<&'a Probe<H::Key>>,
    pub(crate) comparisons: &'a Comparisons<H::Object>,
}

impl<H: Host> ReaderView<'_, H> {
    /// How the session knows a result that was stored then under that version, and is `noted` for it or not.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn recognises(
        self,
        stored: Ticket,
        stamp: &VersionStamp<H::Object>,
        noted: bool,
    ) -> Decided<H, Option<Recognition>> {
        if noted {
            return Ok(Some(Recognition::Noted));
        }
        if stored >= self.id {
            return Ok(None);
        }
        if self.seen.map_or(Ok(false), |seen| stamp.is_that(seen, self.comparisons))? {
            return Ok(Some(Recognition::Version));
        }
        let first = self.reader.map_or(Ok(None), |reader| reader.first(self.given, self.comparisons))?;
        let first = first.map(CompactObservation::named);
        let agrees = first.map_or(Ok(false), |first| stamp.is_that(first, self.comparisons))?;
        Ok(agrees.then_some(Recognition::FirstVersion))
    }
}
