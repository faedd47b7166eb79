//! When a flush is due: after so many writes.

use super::Database;
use crate::store::PageStore;

/// How many writes go between two flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushRule {
    /// In memory, where a flush costs nothing and is only counted: every 5.
    Memory,
    /// By what the program has done: every 10 under 100 writes, 15 to 1,000, 20 above.
    Adaptive,
    /// So many, whatever.
    Every(u32),
}

impl FlushRule {
    fn threshold(self, writes: u64) -> u32 {
        match (self, writes) {
            (FlushRule::Memory, _) => 5,
            (FlushRule::Adaptive, 0..100) => 10,
            (FlushRule::Adaptive, 100..=1000) => 15,
            (FlushRule::Adaptive, _) => 20,
            (FlushRule::Every(writes), _) => writes,
        }
    }

    /// Whether so many writes, of so many in all, are to be made durable.
    pub(super) fn is_due(self, unflushed: u32, writes: u64) -> bool {
        unflushed >= self.threshold(writes)
    }
}

impl<S: PageStore> Database<S> {
    /// Counts writes that cannot fail any more towards the rule and flushes when it says so; inside a transaction that waits for its
    /// end.
    pub fn wrote(&mut self, writes: u32) {
        self.counts.writes = self.counts.writes.wrapping_add(u64::from(writes));
        self.counts.unflushed = self.counts.unflushed.saturating_add(writes);
        if self.store.depth() == 0 && self.flush.is_due(self.counts.unflushed, self.counts.writes) {
            self.counts.unflushed = 0;
            self.counts.flushes = self.counts.flushes.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FlushRule;

    #[test]
    fn the_adaptive_rule_flushes_less_often_the_more_is_written() {
        let thresholds = [0, 99, 100, 1000, 1001].map(|writes| FlushRule::Adaptive.threshold(writes));
        assert_eq!(thresholds, [10, 10, 15, 15, 20]);
        assert_eq!(FlushRule::Every(1).threshold(5000), 1);
        assert_eq!(FlushRule::Memory.threshold(5000), 5);
    }
}
