//! Making Huffman codes.

use super::alphabet::MAX_BITS;

/// A symbol of an alphabet, as it is written.
#[derive(Clone, Copy)]
pub struct Symbol {
    /// How often it comes.
    pub count: u16,
    /// Its code, first bit lowest.
    pub code: u16,
    /// Bits of its code.
    pub bits: u8,
}

impl Symbol {
    /// One that does not come.
    pub const NONE: Symbol = Symbol { count: 0, code: 0, bits: 0 };
}

/// Places of `u16` that [`set_bits`] needs for so many symbols.
pub const fn places(symbols: usize) -> usize {
    symbols * 3
}

const END: u16 = u16::MAX;

/// Sets the bits of each symbol that comes, `limit` at most, so that all of them take the fewest. Trees deeper
/// than the limit are rare, and made again with counts that differ less.
pub fn set_bits(symbols: &mut [Symbol], limit: u8, table: &mut [u16]) {
    let (weights, table) = table.split_at_mut_checked(symbols.len()).unwrap_or_default();
    let (chain, trees) = table.split_at_mut_checked(symbols.len()).unwrap_or_default();
    for shift in 0..u16::BITS {
        let mut forest = Forest { weights, chain, trees, len: 0 };
        for (n, symbol) in symbols.iter_mut().enumerate() {
            symbol.bits = 0;
            if symbol.count != 0 {
                forest.plant(n, (symbol.count >> shift) | 1);
            }
        }
        if forest.len == 1 {
            let only = forest.take_lightest();
            forest.deepen(only, symbols);
        }
        while forest.len > 1 {
            let (a, b) = (forest.take_lightest(), forest.take_lightest());
            forest.join(a, b, symbols);
        }
        if symbols.iter().all(|symbol| symbol.bits <= limit) {
            break;
        }
    }
}

/// Trees that become one. A tree is known by one of its leaves; a chain leads from that to the others.
struct Forest<'a> {
    /// Of each tree.
    weights: &'a mut [u16],
    /// The next leaf of the same tree.
    chain: &'a mut [u16],
    /// The trees.
    trees: &'a mut [u16],
    len: usize,
}

impl Forest<'_> {
    /// Adds a tree of one leaf.
    fn plant(&mut self, leaf: usize, weight: u16) {
        set(self.weights, leaf, weight);
        set(self.chain, leaf, END);
        set(self.trees, self.len, leaf as u16);
        self.len = self.len.wrapping_add(1);
    }

    fn take_lightest(&mut self) -> usize {
        let (mut at, mut tree, mut least) = (0, 0, u32::MAX);
        for (n, candidate) in self.trees.iter().enumerate().take(self.len) {
            let weight = u32::from(self.weights.get(usize::from(*candidate)).copied().unwrap_or(0));
            if weight < least {
                (at, tree, least) = (n, *candidate, weight);
            }
        }
        self.len = self.len.wrapping_sub(1);
        let last = self.trees.get(self.len).copied().unwrap_or(0);
        set(self.trees, at, last);
        usize::from(tree)
    }

    /// Makes one tree of two: each leaf is one bit deeper.
    fn join(&mut self, a: usize, b: usize, symbols: &mut [Symbol]) {
        let weight = |tree: usize| self.weights.get(tree).copied().unwrap_or(0);
        let weight = weight(a).saturating_add(weight(b));
        let end = self.deepen(a, symbols);
        self.deepen(b, symbols);
        set(self.chain, end, b as u16);
        set(self.weights, a, weight);
        set(self.trees, self.len, a as u16);
        self.len = self.len.wrapping_add(1);
    }

    /// Gives the last leaf.
    fn deepen(&self, tree: usize, symbols: &mut [Symbol]) -> usize {
        let mut leaf = tree;
        loop {
            if let Some(symbol) = symbols.get_mut(leaf) {
                symbol.bits = symbol.bits.saturating_add(1);
            }
            match self.chain.get(leaf).copied().unwrap_or(END) {
                END => return leaf,
                next => leaf = usize::from(next),
            }
        }
    }
}

fn set(places: &mut [u16], at: usize, value: u16) {
    if let Some(place) = places.get_mut(at) {
        *place = value;
    }
}

/// Sets the codes that belong to the bits: those of one length are successive numbers.
pub fn set_codes(symbols: &mut [Symbol]) {
    let mut code = 0u16;
    for bits in 1..=MAX_BITS as u8 {
        code = code.wrapping_shl(1);
        for symbol in symbols.iter_mut().filter(|symbol| symbol.bits == bits) {
            // The other way round; reverse_bits() is longer on a chip that has no instruction for it.
            symbol.code = 0;
            for bit in 0..bits {
                symbol.code = symbol.code << 1 | code.wrapping_shr(u32::from(bit)) & 1;
            }
            code = code.wrapping_add(1);
        }
    }
}

/// Bits that all symbols take together.
pub fn total_bits(symbols: &[Symbol]) -> usize {
    symbols.iter().fold(0, |sum, symbol| sum + usize::from(symbol.count) * usize::from(symbol.bits))
}
