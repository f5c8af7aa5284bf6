//! Equality without running foreign code: what can't be decided here is handed out to be asked, and learned.
//!
//! A lookup that meets two objects whose equality only their owner knows stops with [`Unsure`]. The caller leaves
//! the critical section, asks, calls [`Verdicts::learn`] and starts the same lookup again.

/// A value of the host language: a key's part, a version or a result. Cloning takes a reference.
pub trait Object: Clone {
    /// Whether both are the same object.
    fn is(&self, other: &Self) -> bool;

    /// Equality, where it can be told without running code of the object.
    fn native_eq(&self, other: &Self) -> Option<bool>;

    /// Whether it is the version of what never changes (RFC 8246).
    fn is_immutable(&self) -> bool;
}

/// The arguments of a call, as they are compared.
pub trait Key: Clone {
    /// What the arguments are.
    type Object: Object;
    /// What counts as the same arguments.
    type Rules: Copy;

    /// Whether the stored key `self` equals the one looked for.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    fn matches(
        &self,
        probe: &Probe<Self>,
        verdicts: &Verdicts<Self::Object>,
    ) -> Result<bool, Unsure<Self::Object>>;

    /// Whether nobody can look for it again, because the instance is gone whose result it names.
    fn is_gone(&self) -> bool;
}

/// What the hit path looks for.
pub trait Sought<K>: Copy {
    /// That it can't be told whether a key is the one.
    type Untold;

    /// Whether a stored key is the one.
    ///
    /// # Errors
    /// When that can't be told.
    fn is(self, key: &K) -> Result<bool, Self::Untold>;
}

/// What is to be asked about two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether they are equal, by their own `==`.
    Equal,
    /// Whether the one looked for is the stored one or above it, in the order of versions that the user has given.
    AtLeast,
}

/// Two objects that must be compared by foreign code before a lookup can go on.
#[derive(Debug)]
pub struct Unsure<O> {
    /// The stored one.
    pub stored: O,
    /// The one looked for.
    pub probe: O,
    /// How.
    pub question: Question,
}

/// What has been learned about equality during one call.
#[derive(Debug)]
pub struct Verdicts<O> {
    /// Most calls learn one thing at most.
    first: Option<(Unsure<O>, bool)>,
    others: Vec<(Unsure<O>, bool)>,
}

impl<O> Default for Verdicts<O> {
    fn default() -> Self {
        Self { first: None, others: Vec::new() }
    }
}

impl<O: Object> Verdicts<O> {
    /// Whether two objects are equal; identity first.
    ///
    /// # Errors
    /// [`Unsure`] when nobody has compared the two yet.
    pub fn same(&self, stored: &O, probe: &O) -> Result<bool, Unsure<O>> {
        if stored.is(probe) {
            return Ok(true);
        }
        if let Some(equal) = stored.native_eq(probe) {
            return Ok(equal);
        }
        self.told(stored, probe, Question::Equal)
    }

    /// Whether a version is another or above it.
    ///
    /// # Errors
    /// [`Unsure`] when nobody has told yet.
    pub fn at_least(&self, version: &O, other: &O) -> Result<bool, Unsure<O>> {
        self.told(other, version, Question::AtLeast)
    }

    fn told(&self, stored: &O, probe: &O, question: Question) -> Result<bool, Unsure<O>> {
        let mut told = self.first.iter().chain(&self.others);
        let told = told
            .find(|(pair, _)| pair.question == question && pair.stored.is(stored) && pair.probe.is(probe));
        let ask = || Unsure { stored: stored.clone(), probe: probe.clone(), question };
        told.map(|(_, answer)| *answer).ok_or_else(ask)
    }

    /// Takes the answer about a pair. Both objects stay referenced, so that their identity can't be reused.
    pub fn learn(&mut self, pair: Unsure<O>, answer: bool) {
        if self.first.is_none() {
            self.first = Some((pair, answer));
        } else {
            self.others.push((pair, answer));
        }
    }
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
