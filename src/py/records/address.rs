//! The address of a record: where a store finds it.

use blake2::Blake2b;
use blake2::digest::Digest;
use blake2::digest::consts::U16;

/// How many bytes each half has.
const HALF: usize = 16;

/// The group that all records of a function share, then a digest of the revision and the key of one call.
pub(crate) fn address(group: [u8; HALF], revision: &[u8], key: &[u8]) -> [u8; 2 * HALF] {
    let digest = Blake2b::<U16>::new().chain_update(revision).chain_update(key).finalize();
    let mut address = [0; 2 * HALF];
    let (first, second) = address.split_at_mut(HALF);
    first.copy_from_slice(&group);
    second.copy_from_slice(&digest);
    address
}
