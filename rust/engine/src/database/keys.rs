//! Keys for records that are put without one.

use super::{document_key, Database};
use crate::error::{Answer, Result};
use crate::store::PageStore;

/// Their one width.
pub const GENERATED_KEY_BYTES: usize = 10;

/// Generated keys that a commit allows beyond those given, in case the program stops before the next one.
const KEYS_AHEAD: u64 = 1 << 12;

impl<S: PageStore> Database<S> {
    /// What a commit says of generated keys: none of that number or a later one is given before the next one.
    #[inline(never)]
    pub(super) fn keys_to_allow(&self) -> u64 {
        self.next_key.saturating_add(KEYS_AHEAD)
    }

    /// The next generated key: they sort in the order in which they were given, none is given twice, and
    /// none is that of a record that is there.
    pub fn next_key(&mut self) -> Result<[u8; GENERATED_KEY_BYTES]> {
        let mut key = [0; GENERATED_KEY_BYTES];
        self.next_key_into(&mut key)?;
        Ok(key)
    }

    /// The same, in `key`.
    pub fn next_key_into(&mut self, key: &mut [u8; GENERATED_KEY_BYTES]) -> Result<()> {
        loop {
            if self.next_key >= self.store.key_limit() {
                let keys = self.keys_to_allow();
                self.store.allow_keys(&self.meta, keys)?;
            }
            set_digits(key, self.next_key);
            self.next_key = self.next_key.wrapping_add(1);
            if self.locate(&document_key(key))? == Answer::No {
                return Ok(());
            }
        }
    }
}

/// A number in base 32, of one width.
fn set_digits(key: &mut [u8; GENERATED_KEY_BYTES], number: u64) {
    let mut rest = number;
    for digit in key.iter_mut().rev() {
        *digit = match rest as u8 % 32 {
            value @ 0..10 => b'0'.wrapping_add(value),
            value => (b'a' - 10).wrapping_add(value),
        };
        rest /= 32;
    }
}

#[cfg(test)]
mod tests {
    use super::{set_digits, GENERATED_KEY_BYTES};

    fn digits(number: u64) -> [u8; GENERATED_KEY_BYTES] {
        let mut key = [0; GENERATED_KEY_BYTES];
        set_digits(&mut key, number);
        key
    }

    #[test]
    fn keys_sort_in_the_order_of_their_numbers() {
        let keys: std::vec::Vec<_> = [0, 1, 9, 10, 31, 32, 1023, 1024, 1 << 40].map(digits).into();
        assert!(keys.is_sorted());
        assert_eq!(digits(33), *b"0000000011");
    }
}
