//! Read sets: the versions by which cached functions answered a computation, where those were observed before
//! its own.
//!
//! This is optimistic concurrency control (Kung and Robinson 1981). A computation runs on what its session
//! goes by and notes what may be older than its own version. When it has ended each noted version is asked
//! anew, a *validation*: if all are what they were, the result is as new as its own observation and is stored
//! for all, else it is its session's only.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use smallvec::SmallVec;

use crate::engine::order::{self, Spread, Ticket};

/// By what a result was served: to a computation that builds on it, an element of its read set.
#[derive(Clone, Debug)]
pub struct Basis<O> {
    /// Names the version: equal tags mean equal versions of one source.
    pub tag: Ticket,
    /// The newest observation that is known to agree with it. One that was never drawn can't be asked about:
    /// the result lags, is stale or is a session's only. What never changes has the last of all.
    pub ticket: Ticket,
    /// The version.
    pub version: O,
}

/// An element of a read set.
#[derive(Clone, Debug)]
pub struct Read<O> {
    /// As in [`Basis`].
    pub tag: Ticket,
    /// As in [`Basis`].
    pub ticket: Ticket,
    /// What the host needs to ask for the version again.
    pub call: O,
}

impl<O> Read<O> {
    /// Whether its version can be asked about.
    #[must_use]
    pub fn can_be_asked(&self) -> bool {
        order::is_drawn(self.ticket)
    }
}

/// The read set of a version function's run, which is empty as a rule.
pub type ReadSet<O> = Option<Box<[Read<O>]>>;

/// The oldest observation in a read set; later than all if that is empty.
#[must_use]
pub fn oldest<O>(reads: &[Read<O>]) -> Ticket {
    reads.iter().map(|read| read.ticket).min().unwrap_or(order::NEVER)
}

/// The observation under which a computation runs: what is older than that it notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Names its version.
    pub tag: Ticket,
    /// What vouches for this vouches for the same answer; 0 where that can't be told, since the version
    /// function itself used something older.
    pub ticket: Ticket,
    /// Only what was observed from here on is surely newer.
    pub until: Ticket,
}

impl Own {
    /// Whether what vouches for that may be older, and is not of the same answer.
    #[must_use]
    pub fn is_newer_than(self, tag: Ticket, ticket: Ticket) -> bool {
        ticket < self.until && (!order::is_drawn(ticket) || ticket != self.ticket && tag != self.tag)
    }
}

/// Computations in progress that run under one observation.
struct Running {
    own: Own,
    count: usize,
}

/// What to do about a result that was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Nothing: it is not older than what anybody runs under.
    Unwanted,
    /// Nothing more: it was noted before.
    Known,
    /// [`ReadLog::write`] it.
    New,
}

/// Reads by name, with their places in order.
type ByName<O> = HashMap<(Ticket, Ticket), (u64, Read<O>), BuildHasherDefault<Spread>>;

/// What was read while computations ran, in the order of the last time: each takes what was read since it
/// began.
pub struct ReadLog<O> {
    /// In the order of their observations.
    running: SmallVec<[Running; 2]>,
    /// Where they began, in order.
    starts: SmallVec<[u64; 2]>,
    /// By name.
    reads: ByName<O>,
    place: u64,
    /// With so many reads those are looked for that nobody needs.
    most: usize,
}

impl<O> Default for ReadLog<O> {
    fn default() -> Self {
        Self {
            running: SmallVec::new(),
            starts: SmallVec::new(),
            reads: ByName::default(),
            place: 0,
            most: 64,
        }
    }
}

/// What names a read: those of one version are one, but for each that can't be asked about.
fn name(tag: Ticket, ticket: Ticket) -> (Ticket, Ticket) {
    (tag, if order::is_drawn(ticket) { 0 } else { ticket })
}

impl<O: Clone> ReadLog<O> {
    /// Begins to note for a computation. Returns where it begins.
    pub fn begin(&mut self, own: Own) -> u64 {
        self.place += 1;
        self.starts.push(self.place);
        if self.running.is_empty() {
            self.running.push(Running { own, count: 1 });
            return self.place;
        }
        let after = |running: &Running| running.own.until > own.until;
        let place = self.running.iter().rposition(|running| !after(running)).map_or(0, |place| place + 1);
        match place.checked_sub(1).and_then(|place| self.running.get_mut(place)) {
            Some(running) if running.own == own => running.count += 1,
            _ => self.running.insert(place, Running { own, count: 1 }),
        }
        self.place
    }

    /// Takes note of a result that was served.
    pub fn note(&mut self, tag: Ticket, ticket: Ticket) -> Noted {
        let older = self.running.iter().rev().take_while(|running| ticket < running.own.until);
        if !older.into_iter().any(|running| running.own.is_newer_than(tag, ticket)) {
            return Noted::Unwanted;
        }
        let Some((place, read)) = self.reads.get_mut(&name(tag, ticket)) else { return Noted::New };
        self.place += 1;
        (*place, read.ticket) = (self.place, read.ticket.max(ticket));
        Noted::Known
    }

    /// Writes a read down. Returns what nobody needs any more.
    pub fn write(&mut self, read: Read<O>) -> Vec<Read<O>> {
        self.place += 1;
        let place = self.place;
        let before = self.reads.insert(name(read.tag, read.ticket), (place, read));
        let mut gone: Vec<_> = before.map(|(_, read)| read).into_iter().collect();
        if self.reads.len() > self.most {
            let first = self.starts.first().copied().unwrap_or(u64::MAX);
            gone.extend(self.reads.extract_if(|_, (place, _)| *place < first).map(|(_, (_, read))| read));
            self.most = 64.max(2 * self.reads.len());
        }
        gone
    }

    /// What a computation that began at `start` has read until now.
    #[must_use]
    pub fn since(&self, start: u64, own: Own) -> Vec<Read<O>> {
        let read =
            |(place, read): &&(u64, Read<O>)| *place >= start && own.is_newer_than(read.tag, read.ticket);
        let mut reads: Vec<_> = self.reads.values().filter(read).collect();
        reads.sort_unstable_by_key(|(place, _)| *place);
        reads.into_iter().map(|(_, read)| read.clone()).collect()
    }

    /// Ends it. Returns what it has read, and what nobody needs any more.
    pub fn end(&mut self, start: u64, own: Own) -> (Vec<Read<O>>, ByName<O>) {
        let reads = if self.reads.is_empty() { Vec::new() } else { self.since(start, own) };
        if self.starts.len() == 1 {
            self.starts.clear();
            self.running.clear();
            return (reads, std::mem::take(&mut self.reads));
        }
        if let Ok(place) = self.starts.binary_search(&start) {
            self.starts.remove(place);
        }
        if let Some(place) = self.running.iter().rposition(|running| running.own == own)
            && let Some(running) = self.running.get_mut(place)
        {
            running.count -= 1;
            if running.count == 0 {
                self.running.remove(place);
            }
        }
        (reads, ByName::default())
    }

    /// What was read, for whoever traces references.
    pub fn iter(&self) -> impl Iterator<Item = &Read<O>> {
        self.reads.values().map(|(_, read)| read)
    }
}

#[cfg(test)]
mod tests {
    use super::Noted;
    use super::Own;
    use super::Read;
    use super::ReadLog;
    use super::oldest;

    fn own(ticket: u64) -> Own {
        Own { tag: ticket, ticket, until: ticket + 2 }
    }

    fn read(log: &mut ReadLog<&'static str>, (tag, ticket): (u64, u64), call: &'static str) -> Noted {
        let noted = log.note(tag, ticket);
        if noted == Noted::New {
            log.write(Read { tag, ticket, call });
        }
        noted
    }

    fn calls(reads: &[Read<&'static str>]) -> Vec<&'static str> {
        reads.iter().map(|read| read.call).collect()
    }

    #[test]
    fn each_takes_what_is_older_than_its_own_and_was_read_since_it_began() {
        let mut log = ReadLog::default();
        let outer = log.begin(own(10));
        assert_eq!(read(&mut log, (4, 4), "before"), Noted::New);
        let inner = log.begin(own(20));
        assert_eq!(read(&mut log, (30, 30), "newer"), Noted::Unwanted);
        assert_eq!(read(&mut log, (16, 16), "between"), Noted::New);
        assert_eq!(read(&mut log, (4, 4), "before"), Noted::Known);
        let (reads, gone) = log.end(inner, own(20));
        assert_eq!(calls(&reads), ["between", "before"]);
        assert!(gone.is_empty());
        assert_eq!(read(&mut log, (18, 18), "late"), Noted::Unwanted, "not older than what runs");
        let (reads, gone) = log.end(outer, own(10));
        assert_eq!((calls(&reads), gone.len()), (vec!["before"], 2));
        assert_eq!(read(&mut log, (4, 4), "nobody runs"), Noted::Unwanted);
    }

    #[test]
    fn the_same_answer_is_not_older_but_what_cannot_be_asked_about_is() {
        let mut log = ReadLog::default();
        let start = log.begin(own(10));
        assert_eq!(read(&mut log, (2, 10), "its ticket"), Noted::Unwanted);
        assert_eq!(read(&mut log, (10, 6), "its tag"), Noted::Unwanted);
        assert_eq!(read(&mut log, (10, 9), "its tag, for the session only"), Noted::New);
        assert_eq!(read(&mut log, (10, 9), "the same"), Noted::Known);
        assert_eq!(read(&mut log, (10, 7), "another"), Noted::New);
        assert_eq!(read(&mut log, (8, 9), "of another version"), Noted::New);
        let (reads, _) = log.end(start, own(10));
        assert_eq!((oldest(&reads), reads.len()), (7, 3));
    }

    #[test]
    fn many_under_one_observation_are_one_group() {
        let mut log = ReadLog::default();
        let starts: Vec<_> = (0..3).map(|_| log.begin(own(10))).collect();
        let late = log.begin(own(40));
        let early = log.begin(own(6));
        assert_eq!(log.running.iter().map(|running| running.count).collect::<Vec<_>>(), [1, 3, 1]);
        assert_eq!(read(&mut log, (20, 20), "for the late one"), Noted::New);
        assert!(log.end(early, own(6)).0.is_empty());
        for start in starts {
            assert!(log.end(start, own(10)).0.is_empty());
        }
        assert_eq!(calls(&log.end(late, own(40)).0), ["for the late one"]);
        assert!(log.running.is_empty());
    }

    #[test]
    fn what_nobody_needs_any_more_goes_though_something_always_runs() {
        let mut log = ReadLog::default();
        let mut last = log.begin(own(1_000_000));
        for ticket in (2..20_000).step_by(2) {
            read(&mut log, (ticket, ticket), "read");
            if ticket % 20 == 0 {
                let next = log.begin(own(1_000_000));
                log.end(last, own(1_000_000));
                last = next;
            }
        }
        assert!(log.reads.len() < 200, "{}", log.reads.len());
    }
}
