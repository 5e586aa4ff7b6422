//! Small cases: one gateway and its agents as raw programs. They make the product's calls, signatures, checks and durable
//! commits in the product's order and sizes, and know nothing else: no policy, no retries, no lifecycle.
//!
//! `agent` and `gateway` are the two sides; `order` signs what goes between them, `object` is a file written to last, and
//! `store` commits.

pub(super) mod agent;
pub(super) mod gateway;
mod object;
mod order;
mod store;

/// Tables of the person, and with them parts, at each entity.
const TABLES: [&str; 3] = [
    "SELECT * FROM customer WHERE id = 1000",
    "SELECT * FROM orders WHERE customer_id = 1000 ORDER BY id",
    "SELECT line.* FROM orders JOIN line ON line.order_id = orders.id WHERE orders.customer_id = 1000",
];
/// About what a signed attestation takes.
const ATTESTATION: usize = 2600;
/// About what the description of a table takes.
const DESCRIPTION: usize = 400;
