//! What is wanted of a result beyond the rule: whether it is to be renewed, and where the call is made.

/// Whether a call is to renew what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// Only if it has to.
    #[default]
    No,
    /// Yes; what is there may be found to be good still.
    Soft,
    /// Yes, from nothing.
    Hard,
}

/// How a result is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// By a call.
    #[default]
    Called,
    /// By a call in a session that takes what is there.
    Offline,
    /// Made anew, now.
    Now,
    /// By a refresh behind: nobody waits for it.
    Behind,
    /// Not at all: a version is asked about, for a computation that has read it.
    Validating,
}

/// Where a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is so by itself")]
pub struct Setting {
    /// A computation makes it.
    pub nested: bool,
    /// No refresh can run behind there: the call itself makes what one would renew.
    pub alone: bool,
    /// The call waits for nobody.
    pub hasty: bool,
    /// A computation makes it that holds a lease of the second tier. It waits for nobody who may wait for a
    /// lease: in another process that one's holder might wait for this one.
    pub leased: bool,
}

/// What is wanted of a result beyond the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How it is wanted.
    pub manner: Manner,
    /// Whether the session renews it, if it was made before that began.
    pub refresh: Refresh,
    /// Whether the session names it, so that it is renewed though it never changes.
    pub named: bool,
    /// Whether the session has wishes of any kind. Then the hit path knows only what was noted for it.
    pub special: bool,
    /// Where the call is made.
    pub setting: Setting,
}

impl Wish {
    /// Nothing beyond how it is wanted.
    #[must_use]
    pub const fn of(manner: Manner) -> Self {
        let setting = Setting { nested: false, alone: false, hasty: false, leased: false };
        Self { manner, refresh: Refresh::No, named: false, special: false, setting }
    }
}
