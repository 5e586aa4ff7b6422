//! Pauses between attempts: they double with each failure and are drawn at random, so that the agents of a group do not
//! all come back in the same moment when their gateway does.

use std::time::Duration;

use super::Pace;

impl Pace {
    /// Before an attempt after a connection that was in use: anything up to the shortest.
    pub(super) fn after_success(&self) -> Duration {
        self.retry_min.mul_f64(random())
    }

    /// Before the next attempt after `failures` in a row, at least 1: half of what has doubled, up to all of it.
    pub(super) fn after_failures(&self, failures: u32) -> Duration {
        let doubled = self.retry_min.saturating_mul(2_u32.saturating_pow(failures.min(16)));
        jittered(doubled.min(self.retry_max))
    }

    /// Between two rounds of looking for a process of the gateway that could not be found.
    pub(super) fn between_rounds(&self) -> Duration {
        jittered(self.retry_max.saturating_mul(2))
    }
}

fn jittered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(random())
}

/// At least 0 and below 1; without a source of randomness pauses are merely in step.
fn random() -> f64 {
    let mut bytes = [0_u8; 2];
    let _ = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    f64::from(u16::from_le_bytes(bytes)) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_vanish() {
        let pace = Pace { retry_min: Duration::from_millis(100), retry_max: Duration::from_secs(1), ..Pace::default() };
        for (failures, most) in [(1, 200), (2, 400), (3, 800), (4, 1000), (40, 1000)] {
            for _ in 0..20 {
                let pause = pace.after_failures(failures);
                let most = Duration::from_millis(most);
                assert!(pause >= most / 2 && pause <= most, "{failures}: {pause:?}");
            }
        }
        assert!(pace.after_success() <= pace.retry_min);
    }
}
