//! Randomness that can be repeated: every test that uses it prints its seed, and `TRIBUTARY_TEST_SEED` replays one.

use std::time::Duration;

/// Replays a run.
const VARIABLE: &str = "TRIBUTARY_TEST_SEED";

/// SplitMix64. Cheap enough to make a gigabyte of text with.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice with a given seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice with a new seed, or that of `TRIBUTARY_TEST_SEED`. Prints it: a test's output is shown when it fails.
    pub fn new() -> Self {
        let given = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        println!("to repeat this run: {VARIABLE}={seed}");
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n` - 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    /// A time between the two.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
        least + Duration::from_millis(self.below(span))
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
