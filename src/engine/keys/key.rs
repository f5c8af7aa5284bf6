//! Objects and keys of the language that the engine serves, as far as it compares them.

/// A value of the host language: a key's part, a version or a result. Cloning takes a reference.
pub trait Object: Clone {
    /// The arguments of a call.
    type Key: Key<Object = Self>;

    /// Where it lies: no other object lies there as long as this is held.
    fn address(&self) -> usize;

    /// Whether both are the same object.
    fn is(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// Equality, where it can be told without running code of the object.
    fn native_eq(&self, other: &Self) -> Option<bool>;

    /// Whether it is the version of what never changes (RFC 8246).
    fn is_immutable(&self) -> bool;
}

/// The arguments of a call, as they are compared.
pub trait Key: Clone {
    /// What the arguments are.
    type Object: Object<Key = Self>;
    /// What counts as the same arguments.
    type Rules: Copy;

    /// Whether the stored key `self` equals the one looked for, where that can be told without running code
    /// of the arguments.
    fn matches(&self, probe: &Probe<Self>) -> Option<bool>;

    /// Where it lies: no other key lies there as long as this is held.
    fn address(&self) -> usize;

    /// Whether nobody can look for it again, because the instance is gone whose result it names.
    fn is_gone(&self) -> bool;
}

/// What the hit path looks for.
pub trait Sought<K>: Copy {
    /// That the first key of its hash is not the one, or that this can't be told: what others there are is
    /// for a way of its own, so that the hit path is only one.
    type Other;

    /// Makes sure that a stored key is the one.
    ///
    /// # Errors
    /// When it is not, or when that can't be told.
    fn is(self, key: &K) -> Result<(), Self::Other>;
}

/// A key to look for.
#[derive(Clone, Debug)]
pub struct Probe<K: Key> {
    /// The arguments.
    pub key: K,
    /// Their hash, well mixed.
    pub hash: u64,
    /// By what they are compared.
    pub rules: K::Rules,
}
