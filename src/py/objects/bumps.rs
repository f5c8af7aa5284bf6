//! The counts of bumps of this process: a table behind a lock, and an epoch number beside it that is read
//! without one.
//!
//! The epoch is raised by each bump, after the table was changed and while the lock is held. So whoever has
//! seen what a name is answered in some epoch need not look again as long as that lasts.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use smallvec::SmallVec;

use crate::engine::{BumpCounts, NameHasher};
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::{self, named};

/// How many names are remembered one by one, until the program says otherwise.
const MAX_NAMES: usize = 100_000;

static COUNTS: LazyLock<Guarded<BumpCounts>> = LazyLock::new(|| Guarded::new(BumpCounts::new(MAX_NAMES)));
static HASHER: LazyLock<NameHasher> = LazyLock::new(NameHasher::default);
static EPOCH: AtomicU64 = AtomicU64::new(0);

/// The number of bumps so far.
#[inline]
pub(super) fn epoch() -> u64 {
    EPOCH.load(Ordering::Acquire)
}

/// The letters of a name, in UTF-8. What no text has, a half of a surrogate pair, is encoded as if it had.
fn letters<'a>(name: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = name.to_str() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let py = name.py();
    let how = (named!(py, "utf-8")?, named!(py, "surrogatepass")?);
    let encoded = name.call_method1(named!(py, "encode")?, how)?;
    Ok(Cow::Owned(encoded.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// Names, as the table knows them.
pub(crate) struct Names {
    /// What a bump of them counts for.
    own: SmallVec<[u64; 4]>,
    /// Whose bumps count for them: their own and those of the names above them, each once.
    heard: SmallVec<[u64; 4]>,
}

impl Names {
    pub(crate) fn new(names: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let (mut own, mut heard) = (SmallVec::new(), SmallVec::new());
        for name in names {
            let letters = letters(name.cast::<PyString>()?)?;
            heard.extend(HASHER.with_those_above(&letters));
            own.extend(heard.last().copied());
        }
        heard.sort_unstable();
        heard.dedup();
        Ok(Self { own, heard })
    }

    /// How often they were bumped, or more, and the epoch for which that holds.
    pub(crate) fn count(&self, py: Python<'_>) -> (u64, u64) {
        COUNTS.with(py, |counts| (counts.sum(&self.heard), EPOCH.load(Ordering::Relaxed)))
    }

    /// Bumps all of them at once, and counts then.
    pub(crate) fn bump(&self, py: Python<'_>) -> u64 {
        COUNTS.with(py, |counts| {
            counts.bump(&self.own);
            EPOCH.fetch_add(1, Ordering::Release);
            counts.sum(&self.heard)
        })
    }
}

/// The names that a callable answered, each once and sorted: a `str`, and a tuple or a list of such if there
/// may be several. `None` for all that is not so plain.
pub(crate) fn plain_names<'py>(
    found: &Bound<'py, PyAny>,
    several: bool,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = found.py();
    let mut given = SmallVec::<[Bound<'py, PyAny>; 8]>::new();
    if several && let Ok(found) = found.cast_exact::<PyTuple>() {
        given.extend(found.iter());
    } else if several && let Ok(found) = found.cast_exact::<PyList>() {
        given.extend(found.iter());
    } else {
        given.push(found.clone());
    }
    let name = |name| Some((text_of(name)?, name));
    let Some(mut names) = given.iter().map(name).collect::<Option<SmallVec<[_; 8]>>>() else {
        return Ok(None);
    };
    // UTF-8 has the order of Python's texts.
    names.sort_unstable_by_key(|(text, _)| *text);
    names.dedup_by_key(|(text, _)| *text);
    fallible::tuple(py, names.iter().map(|(_, name)| (*name).clone())).map(Some)
}

/// The text of a name, if it is of the plain type, and one that `Names` takes as it is.
fn text_of<'a>(name: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    name.cast_exact::<PyString>().ok()?.to_str().ok().filter(|text| !text.is_empty())
}

/// Bump names, all at once.
#[pyfunction]
#[pyo3(signature = (names, /))]
pub(crate) fn bump_names(names: &Bound<'_, PyTuple>) -> PyResult<()> {
    Names::new(names)?.bump(names.py());
    Ok(())
}

/// Remember so many bumped names one by one.
#[pyfunction]
#[pyo3(signature = (max_names, /))]
pub(crate) fn limit_names(py: Python<'_>, max_names: usize) {
    COUNTS.with(py, |counts| counts.limit(max_names));
}
