//! A small map, a sorted list searched by ticket: what a session knows of the functions that it reads. Most
//! sessions read few: a list in order costs less to make, to search and to drop than a hash table.

use smallvec::SmallVec;

use crate::engine::order::Ticket;

/// Things found by tickets. The first needs no memory of its own.
pub struct SmallMap<T>(SmallVec<[(Ticket, T); 1]>);

impl<T> Default for SmallMap<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<T> SmallMap<T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one more needs more memory.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() == self.0.capacity()
    }

    fn place(&self, ticket: Ticket) -> Result<usize, usize> {
        self.0.binary_search_by_key(&ticket, |(ticket, _)| *ticket)
    }

    /// What a ticket names.
    #[must_use]
    pub fn get(&self, ticket: Ticket) -> Option<&T> {
        self.0.get(self.place(ticket).ok()?).map(|(_, thing)| thing)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        let place = self.place(ticket).ok()?;
        self.0.get_mut(place).map(|(_, thing)| thing)
    }

    /// The same, made anew if there is none.
    pub(crate) fn get_or_insert_with(&mut self, ticket: Ticket, new: impl FnOnce() -> T) -> &mut T {
        let place = self.place(ticket).unwrap_or_else(|place| {
            self.0.insert(place, (ticket, new()));
            place
        });
        &mut self.0[place].1
    }

    /// Takes out what a ticket names.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let place = self.place(ticket).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Takes all out that `leaves` accepts.
    pub(crate) fn strike(&mut self, leaves: impl Fn(&T) -> bool) -> impl Iterator<Item = T> {
        let (gone, kept): (SmallVec<_>, _) =
            std::mem::take(&mut self.0).into_iter().partition(|(_, thing)| leaves(thing));
        self.0 = kept;
        gone.into_iter().map(|(_, thing)| thing)
    }

    /// All of them, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, thing)| thing)
    }

    /// All of them.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::SmallMap;

    #[test]
    fn each_is_found_by_its_ticket_whatever_the_order() {
        let mut few = SmallMap::default();
        for ticket in [8, 2, 6, 4] {
            assert_eq!(*few.get_or_insert_with(ticket, || ticket * 10), ticket * 10);
        }
        assert_eq!((few.get(6), few.get(5), few.len()), (Some(&60), None, 4));
        assert_eq!(*few.get_or_insert_with(6, || 0), 60, "it is there");
        assert_eq!((few.remove(2), few.remove(2)), (Some(20), None));
        assert_eq!(few.strike(|thing| *thing > 50).collect::<Vec<_>>(), [60, 80]);
        assert_eq!(few.values().collect::<Vec<_>>(), [&40]);
    }
}
