//! What the engine is told of Python: of which types its generic ones are made.

use std::sync::{Arc, Weak};

use super::core::{SessionCore, SessionRef};
use super::results::FunctionResults;
use crate::engine;
use crate::py::arguments::key::Key;
use crate::py::flight::wait::Flight;
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;

impl engine::Host for Host {
    type Object = Object;
    type Key = Key;
    type Session = SessionRef;
    type Held = Arc<SessionCore>;
    type Flight = Flight;
    type Function = Weak<FunctionResults>;
}

// With its hash and its place in the order of use it fills a line of the processor's cache; one word more
// would take another line.
const _: () = assert!(size_of::<Option<engine::Stored<Host>>>() == 48);
