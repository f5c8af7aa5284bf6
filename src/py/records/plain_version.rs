//! Versions that are packed in a few bytes: nothing, a truth value and an integer, as msgpack has them.

/// What such bytes mean.
#[derive(Clone, Copy)]
pub(crate) enum PlainVersion {
    /// `None`.
    Nothing,
    /// `True` or `False`.
    Truth(bool),
    /// An `int` that is not negative, of 64 bits.
    Int(u64),
}

/// The version that was packed, if it is such a one.
pub(crate) fn read(packed: &[u8]) -> Option<PlainVersion> {
    let (kind, rest) = packed.split_first()?;
    match (kind, rest.len()) {
        (0xc0, 0) => Some(PlainVersion::Nothing),
        (0xc2 | 0xc3, 0) => Some(PlainVersion::Truth(*kind == 0xc3)),
        (0..=0x7f, 0) => Some(PlainVersion::Int((*kind).into())),
        (0xcc, 1) | (0xcd, 2) | (0xce, 4) | (0xcf, 8) => {
            let number = rest.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
            Some(PlainVersion::Int(number))
        }
        _ => None,
    }
}
