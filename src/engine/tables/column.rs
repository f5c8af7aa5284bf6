//! A column beside the rows of a slab: a value for some of them, by where they lie. A slab whose rows have
//! none pays for no column.

use crate::engine::tables::index::Slot;

/// Values by slot.
pub(crate) struct Column<T>(Vec<T>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Default + PartialEq> Column<T> {
    /// The value of a row; the default one if it was given none.
    pub(crate) fn get(&self, slot: Slot) -> T {
        self.0.get(slot.place()).copied().unwrap_or_default()
    }

    /// Gives a row a value.
    pub(crate) fn set(&mut self, slot: Slot, value: T) {
        if slot.place() >= self.0.len() {
            if value == T::default() {
                return;
            }
            self.0.resize(slot.place() + 1, T::default());
        }
        self.0[slot.place()] = value;
    }

    /// Takes a row's value away.
    pub(crate) fn take(&mut self, slot: Slot) -> T {
        self.0.get_mut(slot.place()).map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Column;
    use super::Slot;

    #[test]
    fn a_row_has_what_it_was_given_last() {
        let mut column = Column::default();
        column.set(Slot(3), 0_u64);
        assert!(column.0.is_empty(), "a default needs no room");
        column.set(Slot(3), 7);
        assert_eq!([1, 3, 9].map(|slot| column.get(Slot(slot))), [0, 7, 0]);
        assert_eq!((column.take(Slot(3)), column.take(Slot(3)), column.take(Slot(9))), (7, 0, 0));
    }
}
