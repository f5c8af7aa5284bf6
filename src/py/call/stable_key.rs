//! The canonical key of a call, by which a store that several processes share knows its result.

use pyo3::prelude::*;

use crate::py::arguments::call_arguments::Owner;
use crate::py::arguments::key::Key;
use crate::py::arguments::stable_key::{self, Place, Refused};
use crate::py::arguments::{misuse, stable_refusal};
use crate::py::function::cached::Cached;

impl Cached {
    /// The canonical bytes of a call's key: of its bound arguments, or of what `key=` made of them. A method
    /// has to have that: its instance is known by identity, which ends with the process.
    pub(crate) fn stable_key(&self, py: Python<'_>, key: &Key) -> PyResult<Vec<u8>> {
        if key.arguments().owner != Owner::Nobody {
            return Err(stable_refusal::of_instance(py, &self.function.name));
        }
        let told = |place: Place, refused: &Refused| {
            let argument = match place {
                _ if self.key.is_some() => "what key= returned".to_owned(),
                Place::Positional(place) => {
                    let names = misuse::names_of_parameters(self.wrapped.bind(py));
                    format!("argument {}", misuse::name_at(&names, place))
                }
                Place::Named(name) => format!("argument {name:?}"),
            };
            stable_refusal::of_argument(py, &self.function.name, &argument, refused)
        };
        stable_key::encode(py, key.arguments(), self.rules, told)
    }
}
