//! The layout of a record.
//!
//! ```text
//! magic  format  checksum | flags began verified ttl order three sizes | identity codec version | value
//! 4      1       16       | 1     48    48       8   8     12          |
//! ```
//!
//! Numbers are big-endian. The checksum covers all that follows it. A moment is its wall clock (16 bytes),
//! its boot (16) and its monotonic clock (16). What a flag says to be missing is zeros.

use std::fmt::Write;

use twox_hash::XxHash3_128;

use super::moment::Moment;

const BEGINNING: [u8; 5] = *b"vlru\x01";
/// Where begins what the checksum covers.
pub(crate) const COVERED: usize = BEGINNING.len() + 16;
const FIXED: usize = 1 + 2 * 48 + 8 + 8 + 3 * 4;

const IMMUTABLE: u8 = 1;
const LAGS: u8 = 2;
const BY_CODEC: u8 = 4;
const HAS_TTL: u8 = 8;
const HAS_ORDER: u8 = 16;
const BEGAN_HAS_BOOT: u8 = 32;
const VERIFIED_HAS_BOOT: u8 = 64;
const ALL_FLAGS: u8 = 127;

/// What is known of a record beside its value.
pub(crate) struct Header<'a> {
    /// Which call of which function it is the result of.
    pub(crate) identity: &'a [u8],
    /// The name of the codec.
    pub(crate) codec: &'a [u8],
    /// The version, packed, or what the codec made of it.
    pub(crate) version: &'a [u8],
    /// Whether the codec made the bytes of the version.
    pub(crate) by_codec: bool,
    /// When the computation began.
    pub(crate) began: Moment,
    /// When the version was last found to be that of the data.
    pub(crate) verified: Moment,
    /// How many seconds it lives, where it says so itself.
    pub(crate) ttl: Option<f64>,
    /// The place of its observation in the store's order, where the store has one.
    pub(crate) order: Option<i64>,
    /// Whether it never changes.
    pub(crate) immutable: bool,
    /// Whether it is of another version than was announced.
    pub(crate) lags: bool,
}

/// Why bytes are no record.
pub(crate) type Reason = String;

/// The bytes of a header; `None` if one of its parts has 4 GiB or more.
pub(crate) fn packed(header: &Header<'_>) -> Option<Vec<u8>> {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let mut out = vec![
        flag(header.immutable, IMMUTABLE)
            | flag(header.lags, LAGS)
            | flag(header.by_codec, BY_CODEC)
            | flag(header.ttl.is_some(), HAS_TTL)
            | flag(header.order.is_some(), HAS_ORDER)
            | flag(header.began.boot.is_some(), BEGAN_HAS_BOOT)
            | flag(header.verified.boot.is_some(), VERIFIED_HAS_BOOT),
    ];
    for moment in [&header.began, &header.verified] {
        out.extend(moment.wall.to_be_bytes());
        out.extend(moment.boot.unwrap_or_default());
        out.extend(moment.monotonic.to_be_bytes());
    }
    out.extend(header.ttl.unwrap_or_default().to_be_bytes());
    out.extend(header.order.unwrap_or_default().to_be_bytes());
    let parts = [header.identity, header.codec, header.version];
    for part in parts {
        out.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    Some(out)
}

/// A record of a header and an encoded value.
pub(crate) fn sealed(header: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(COVERED + header.len() + value.len());
    out.extend(BEGINNING);
    out.extend([0; 16]);
    out.extend_from_slice(header);
    out.extend_from_slice(value);
    let (start, covered) = out.split_at_mut(COVERED);
    start[BEGINNING.len()..].copy_from_slice(&XxHash3_128::oneshot(covered).to_be_bytes());
    out
}

/// The header of a record, and where its value begins, once all but the value was checked.
pub(crate) fn opened(data: &[u8]) -> Result<(Header<'_>, usize), Reason> {
    let (Some(start), Some(checksum)) = (data.first_chunk::<5>(), data.get(5..COVERED)) else {
        return Err(format!("it has {} bytes, which is too few for a record", data.len()));
    };
    if *start != BEGINNING {
        let (its, ours) = (hex(start), hex(&BEGINNING));
        return Err(format!("it begins with {its}; a record of this format begins with {ours}"));
    }
    let covered = &data[COVERED..];
    if XxHash3_128::oneshot(covered).to_be_bytes() != checksum {
        return Err("its checksum is wrong: it was truncated or damaged".to_owned());
    }
    let mut rest = Rest(covered);
    // One that no program of ours has written, since its checksum is right.
    let header =
        rest.header().ok_or("its header can't be unpacked: it ends too early or has unknown flags")?;
    Ok((header, data.len() - rest.0.len()))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}"); // A String takes all.
    }
    text
}

/// The bytes that were not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn header(&mut self) -> Option<Header<'a>> {
        if self.0.len() < FIXED {
            return None;
        }
        let [flags] = self.array()?;
        if flags & !ALL_FLAGS != 0 {
            return None;
        }
        let has = |flag: u8| flags & flag != 0;
        let began = self.moment(has(BEGAN_HAS_BOOT))?;
        let verified = self.moment(has(VERIFIED_HAS_BOOT))?;
        let (ttl, order) = (f64::from_be_bytes(self.array()?), i64::from_be_bytes(self.array()?));
        let sizes = [self.size()?, self.size()?, self.size()?];
        Some(Header {
            identity: self.part(sizes[0])?,
            codec: self.part(sizes[1])?,
            version: self.part(sizes[2])?,
            by_codec: has(BY_CODEC),
            began,
            verified,
            ttl: has(HAS_TTL).then_some(ttl),
            order: has(HAS_ORDER).then_some(order),
            immutable: has(IMMUTABLE),
            lags: has(LAGS),
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn moment(&mut self, has_boot: bool) -> Option<Moment> {
        let (wall, boot, monotonic) = (self.array()?, self.array()?, self.array()?);
        let (wall, monotonic) = (i128::from_be_bytes(wall), i128::from_be_bytes(monotonic));
        Some(Moment { wall, boot: has_boot.then_some(boot), monotonic })
    }

    fn size(&mut self) -> Option<usize> {
        self.array().and_then(|size| usize::try_from(u32::from_be_bytes(size)).ok())
    }

    fn part(&mut self, size: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(part)
    }
}
