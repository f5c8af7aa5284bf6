//! How objects are named in messages.

use pyo3::prelude::*;

use crate::py::interpreter::fallible::Text;

/// A value as it is shown in a message: `repr` and type, cut short.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    let text = value.repr().map_or_else(|_| "a value without repr".to_owned(), |text| text.to_string());
    let class = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let cut = text.char_indices().nth(60).map(|(end, _)| format!("{}...", &text[..end]));
    format!("{} ({class})", cut.unwrap_or(text))
}

/// A callable as it is named in a message.
pub(crate) fn name_of(callable: &Bound<'_, PyAny>) -> String {
    let named = ["__qualname__", "__name__"]
        .iter()
        .find_map(|name| callable.getattr(Text(name)).ok()?.extract().ok());
    named.unwrap_or_else(|| callable.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string()))
}
