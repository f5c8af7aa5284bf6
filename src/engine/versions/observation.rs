//! An observation: one successful run of a version function, with its place in the order of events.

use crate::engine::clock::{self, Nanos};
use crate::engine::order::{NEVER, Ticket};
use crate::engine::versions::read_log::{Own, Read, ReadSet};

/// One successful run of a version function.
#[derive(Clone, Debug)]
pub struct Observation<O> {
    /// What it answered.
    pub version: O,
    /// Names the version: equal tags mean equal versions. Two tags of equal versions become one when they
    /// meet.
    pub tag: Ticket,
    /// Drawn before it ran.
    pub since: Ticket,
    /// The same, unless its run has read something that is older: it is surely no older than that.
    pub ticket: Ticket,
    /// Drawn when it had answered. What it saw lies between the two: only what began later is surely newer.
    pub until: Ticket,
    /// When it began to run.
    pub at: Nanos,
    /// What its run has read that is older.
    pub reads: ReadSet<O>,
}

impl<O> Observation<O> {
    /// What a computation under it notes its reads by. One that `asks_again` for its version will go by a
    /// newer one then.
    pub(crate) fn own(&self, asks_again: bool) -> Own {
        Own {
            tag: self.tag,
            ticket: if self.reads.is_some() { 0 } else { self.ticket },
            until: if asks_again { NEVER } else { self.until },
        }
    }

    /// Whether it is younger than `ttl`. An older one says nothing any more.
    #[must_use]
    pub fn vouches(&self, now: Nanos, ttl: Option<Nanos>) -> bool {
        clock::is_within(self.at, now, ttl)
    }

    /// Its version and the name of that.
    pub(crate) fn named(&self) -> NamedVersion<'_, O> {
        NamedVersion { version: &self.version, tag: self.tag }
    }
}

/// A version with its tag, which is all that a comparison of two versions needs.
pub(crate) struct NamedVersion<'a, O> {
    pub(crate) version: &'a O,
    pub(crate) tag: Ticket,
}

impl<O> Clone for NamedVersion<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for NamedVersion<'_, O> {}

/// An observation in compact form, as a session remembers it: five words, where the run of the version
/// function has read nothing and few tickets were drawn meanwhile. Any other lies whole in a place of its
/// own. There is room for a mark.
#[derive(Clone)]
pub struct CompactObservation<O>(Form<O>);

#[derive(Clone)]
enum Form<O> {
    /// One whose `ticket` is `since`, and `until` so many tickets later.
    Plain {
        version: O,
        tag: Ticket,
        since: Ticket,
        at: Nanos,
        span: u32,
        marked: bool,
    },
    Whole(Box<Observation<O>>, bool),
}

impl<O: Clone> CompactObservation<O> {
    /// That of an observation.
    pub(crate) fn of(observation: &Observation<O>) -> Self {
        let Observation { version, tag, since, ticket, until, at, reads } = observation;
        Self(match u32::try_from(until.wrapping_sub(*since)) {
            Ok(span) if ticket == since && reads.is_none() => Form::Plain {
                version: version.clone(),
                tag: *tag,
                since: *since,
                at: *at,
                span,
                marked: false,
            },
            _ => Form::Whole(Box::new(observation.clone()), false),
        })
    }

    /// A copy without a mark.
    pub(crate) fn unmarked(&self) -> Self {
        let mut copy = self.clone();
        copy.mark(false);
        copy
    }

    /// The observation.
    pub(crate) fn to_observation(&self) -> Observation<O> {
        match &self.0 {
            Form::Plain { version, tag, since, at, span, .. } => {
                plain(version.clone(), (*tag, *since, *span), *at)
            }
            Form::Whole(observation, _) => (**observation).clone(),
        }
    }
}

impl<O> CompactObservation<O> {
    /// The observation, in place of this.
    pub(crate) fn into_observation(self) -> Observation<O> {
        match self.0 {
            Form::Plain { version, tag, since, at, span, .. } => plain(version, (tag, since, span), at),
            Form::Whole(observation, _) => *observation,
        }
    }

    /// Its version and the name of that.
    pub(crate) fn named(&self) -> NamedVersion<'_, O> {
        match &self.0 {
            Form::Plain { version, tag, .. } => NamedVersion { version, tag: *tag },
            Form::Whole(observation, _) => observation.named(),
        }
    }

    /// The name of its version.
    pub(crate) fn tag(&self) -> Ticket {
        self.named().tag
    }

    /// Gives its version another name.
    pub(crate) fn rename(&mut self, name: Ticket) {
        match &mut self.0 {
            Form::Plain { tag, .. } => *tag = name,
            Form::Whole(observation, _) => observation.tag = name,
        }
    }

    /// As [`Observation::since`]; each has another.
    pub(crate) fn since(&self) -> Ticket {
        match &self.0 {
            Form::Plain { since, .. } => *since,
            Form::Whole(observation, _) => observation.since,
        }
    }

    /// Whether it has a mark.
    pub(crate) fn is_marked(&self) -> bool {
        let (Form::Plain { marked, .. } | Form::Whole(_, marked)) = &self.0;
        *marked
    }

    /// Gives it a mark, or takes that.
    pub(crate) fn mark(&mut self, mark: bool) {
        let (Form::Plain { marked, .. } | Form::Whole(_, marked)) = &mut self.0;
        *marked = mark;
    }

    /// As [`Observation::vouches`].
    pub(crate) fn vouches(&self, now: Nanos, ttl: Option<Nanos>) -> bool {
        match &self.0 {
            Form::Plain { at, .. } => clock::is_within(*at, now, ttl),
            Form::Whole(observation, _) => observation.vouches(now, ttl),
        }
    }

    /// Its version.
    pub fn version(&self) -> &O {
        self.named().version
    }

    /// What its run has read that is older, for whoever traces references.
    pub fn reads(&self) -> impl Iterator<Item = &Read<O>> {
        let whole = if let Form::Whole(observation, _) = &self.0 { Some(observation) } else { None };
        whole.into_iter().flat_map(|observation| observation.reads.iter().flatten())
    }
}

/// The observation of a run that has read nothing and took `span` tickets.
fn plain<O>(version: O, (tag, since, span): (Ticket, Ticket, u32), at: Nanos) -> Observation<O> {
    Observation { version, tag, since, ticket: since, until: since + Ticket::from(span), at, reads: None }
}

#[cfg(test)]
mod tests {
    use super::{CompactObservation, Form, Observation, Read};

    fn observation(until: u64) -> Observation<&'static str> {
        Observation { version: "v", tag: 4, since: 10, ticket: 10, until, at: 7, reads: None }
    }

    #[test]
    fn what_is_compact_is_what_it_was() {
        let read = Read { tag: 2, ticket: 8, call: "call" };
        let all = [
            observation(12),
            observation(10 + u64::from(u32::MAX)),
            observation(11 + u64::from(u32::MAX)),
            Observation { ticket: 8, ..observation(12) },
            Observation { reads: Some(Box::from([read])), ..observation(12) },
        ];
        let told = all.each_ref().map(|whole| format!("{whole:?}"));
        let compact = all.each_ref().map(CompactObservation::of);
        let plain = compact.each_ref().map(|compact| matches!(compact.0, Form::Plain { .. }));
        assert_eq!(plain, [true, true, false, false, false]);
        assert_eq!(compact.each_ref().map(|compact| compact.reads().count()), [0, 0, 0, 0, 1]);
        assert_eq!(compact.each_ref().map(|compact| format!("{:?}", compact.to_observation())), told);
        for (mut compact, told) in compact.into_iter().zip(told) {
            compact.rename(6);
            assert!(compact.since() == 10 && !compact.is_marked());
            compact.mark(true);
            assert!(compact.is_marked());
            let again = compact.into_observation();
            assert_eq!(format!("{again:?}"), told.replacen("tag: 4", "tag: 6", 1));
        }
    }
}
