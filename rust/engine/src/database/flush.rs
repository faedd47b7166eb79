//! When a flush is due: after so many writes.

use super::statistics::Counts;
use super::Database;
use crate::error::Result;
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
    /// So many, but from 100 operations on half as much again, and 30 at least, where more than half of them are
    /// batches; twice as much, and 50 at least, where more than four fifths are.
    Batches(u32),
}

impl FlushRule {
    fn threshold(self, counts: &Counts) -> u32 {
        match (self, counts.writes) {
            (FlushRule::Memory, _) => 5,
            (FlushRule::Adaptive, 0..100) => 10,
            (FlushRule::Adaptive, 100..=1000) => 15,
            (FlushRule::Adaptive, _) => 20,
            (FlushRule::Every(writes), _) => writes,
            (FlushRule::Batches(writes), _) => with_batches(writes, counts),
        }
    }

    /// Whether so many writes, of so many in all, are to be made durable.
    pub(super) fn is_due(self, unflushed: u32, counts: &Counts) -> bool {
        unflushed >= self.threshold(counts)
    }
}

fn with_batches(writes: u32, counts: &Counts) -> u32 {
    let single = counts.writes.saturating_sub(counts.batched);
    let batches = u32::try_from(counts.operations.batches).unwrap_or(u32::MAX);
    if single.saturating_add(batches) < 100 || batches <= single {
        writes
    } else if batches.div_ceil(4) <= single {
        writes.saturating_add(writes / 2).max(30)
    } else {
        writes.saturating_mul(2).max(50)
    }
}

impl<S: PageStore> Database<S> {
    /// Makes everything durable, all or nothing.
    #[inline(never)]
    pub(super) fn make_durable(&mut self) -> Result<()> {
        self.store.make_durable(&self.meta, self.keys_to_allow())
    }

    /// Counts writes that cannot fail any more towards the rule and flushes when it says so; inside a transaction that waits for its
    /// end.
    pub fn wrote(&mut self, writes: u32) {
        self.counts.writes = self.counts.writes.saturating_add(writes);
        self.counts.unflushed = self.counts.unflushed.saturating_add(writes);
        if self.store.depth() == 0 && self.flush.is_due(self.counts.unflushed, &self.counts) {
            self.counts.unflushed = 0;
            self.counts.operations.flushes = self.counts.operations.flushes.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, FlushRule};
    use crate::database::statistics::Operations;

    fn threshold(rule: FlushRule, writes: u32) -> u32 {
        rule.threshold(&Counts { writes, ..Counts::default() })
    }

    #[test]
    fn the_adaptive_rule_flushes_less_often_the_more_is_written() {
        let thresholds = [0, 99, 100, 1000, 1001].map(|writes| threshold(FlushRule::Adaptive, writes));
        assert_eq!(thresholds, [10, 10, 15, 15, 20]);
        assert_eq!(threshold(FlushRule::Every(1), 5000), 1);
        assert_eq!(threshold(FlushRule::Memory, 5000), 5);
    }

    #[test]
    fn the_batch_rule_flushes_less_often_the_more_of_what_is_done_are_batches() {
        let of = |single, batches: u32, threshold| {
            // Batches of ten records each.
            let counts = Counts {
                writes: single + 10 * batches,
                operations: Operations { batches: u64::from(batches), ..Operations::default() },
                batched: 10 * batches,
                ..Counts::default()
            };
            FlushRule::Batches(threshold).threshold(&counts)
        };
        assert_eq!([of(0, 99, 20), of(49, 50, 20)], [20, 20], "too early to tell");
        assert_eq!([of(100, 0, 20), of(50, 50, 20)], [20, 20], "half are batches");
        assert_eq!([of(49, 51, 20), of(20, 80, 20)], [30, 30], "more than half");
        assert_eq!([of(19, 81, 20), of(0, 100, 20)], [50, 50], "more than four fifths");
        assert_eq!([of(40, 60, 25), of(0, 100, 40)], [37, 80]);
    }
}
