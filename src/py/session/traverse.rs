//! What the garbage collector is shown. Each container visits exactly the references it owns; entries that a
//! store and a session share are two entries with references of their own.

use pyo3::{PyTraverseError, PyVisit};

use crate::engine::{Answers, Entry, FunctionCache, ReadLog, SessionMemory};
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;

fn visit_answers(answers: &Answers<Host>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    for (_, observation) in answers.iter() {
        visit.call(&observation.version().0)?;
        observation.reads().try_for_each(|read| visit.call(&read.call.0))?;
    }
    answers.keys().try_for_each(|key| visit.call(&*key.object()))
}

fn visit_entry(entry: &Entry<Host>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    visit.call(&entry.value.0)?;
    visit.call(&*entry.key.object())?;
    visit.call(&entry.stamp.version.0)
}

pub(crate) fn visit_store(cache: &FunctionCache<Host>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    for entry in cache.entries().iter() {
        visit.call(&entry.value.0)?;
        visit.call(&*entry.key.object())?;
    }
    cache.entries().versions().try_for_each(|version| visit.call(&version.0))?;
    cache.entries().givens().try_for_each(|given| visit.call(&*given.object()))?;
    cache.evicted().iter().try_for_each(|entry| visit_entry(entry, visit))
}

pub(crate) fn visit_log(log: Option<&ReadLog<Object>>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    log.into_iter().flat_map(ReadLog::iter).try_for_each(|read| visit.call(&read.call.0))
}

pub(crate) fn visit_memory(memory: &SessionMemory<Host>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    memory.all_answers().try_for_each(|answers| visit_answers(answers, visit))?;
    for reader in memory.readers.values() {
        visit_answers(&reader.seen, visit)?;
        reader.first.iter().try_for_each(|first| visit_answers(first, visit))?;
        reader.iter().try_for_each(|entry| visit_entry(entry, visit))?;
    }
    Ok(())
}
