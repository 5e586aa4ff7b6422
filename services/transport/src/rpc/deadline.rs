//! How long a call may still take, and passing what remains to the calls it makes.
//!
//! gRPC sends a timeout, not a time; so each hop must subtract what it used. The server layer reads it, the client
//! layer writes what remains. Work that outlives its request (a durable task) has no such deadline and sets its own.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// gRPC allows eight digits; in microseconds that is 99 s, in milliseconds more than a day.
const MAX_DIGITS: u128 = 99_999_999;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// When the caller stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Option<Self> {
        Instant::now().checked_add(timeout).map(Self)
    }

    /// What remains, zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The deadline of the request that is being handled on this task, if its caller set one.
pub fn current() -> Option<Deadline> {
    CURRENT.try_with(|deadline| *deadline).ok()
}

/// Runs `future` under `deadline`, so that the calls it makes carry what remains.
pub async fn scope<F: Future>(deadline: Option<Deadline>, future: F) -> F::Output {
    match deadline {
        Some(deadline) => CURRENT.scope(deadline, future).await,
        None => future.await,
    }
}

/// The deadline that a request's headers ask for.
pub(crate) fn of(headers: &HeaderMap) -> Option<Deadline> {
    Deadline::after(parse(headers.get(GRPC_TIMEOUT)?.to_str().ok()?)?)
}

/// Lowers the request's timeout to what remains of the current deadline.
pub(crate) fn pass_on(headers: &mut HeaderMap) {
    let Some(current) = current() else { return };
    if of(headers).is_some_and(|own| own <= current) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&print(current.remaining())) {
        headers.insert(GRPC_TIMEOUT, value);
    }
}

fn parse(text: &str) -> Option<Duration> {
    let unit = text.len().checked_sub(1)?;
    let (digits, unit) = text.split_at_checked(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn print(timeout: Duration) -> String {
    let micros = timeout.as_micros();
    if micros <= MAX_DIGITS {
        return format!("{micros}u");
    }
    let millis = timeout.as_millis();
    if millis <= MAX_DIGITS { format!("{millis}m") } else { format!("{}S", timeout.as_secs().min(99_999_999)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_read_as_the_protocol_writes_them() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        for bad in ["", "5", "m", "-1S", "123456789S", "1x", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_printed_timeout_reads_back() {
        for timeout in
            [Duration::ZERO, Duration::from_micros(7), Duration::from_secs(3600), Duration::from_secs(1 << 40)]
        {
            let text = print(timeout);
            assert!(text.len() <= 9, "{text}");
            assert!(parse(&text).unwrap() <= timeout);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_inside_a_call_gets_what_remains() {
        let mut headers = HeaderMap::new();
        let work = async {
            tokio::time::advance(Duration::from_secs(4)).await;
            pass_on(&mut headers);
        };
        scope(Deadline::after(Duration::from_secs(10)), work).await;
        assert_eq!(of(&headers).unwrap().remaining(), Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_timeout_of_its_own_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("1S"));
        scope(Deadline::after(Duration::from_secs(10)), async { pass_on(&mut headers) }).await;
        assert_eq!(headers.get(GRPC_TIMEOUT).unwrap(), "1S");
    }
}
