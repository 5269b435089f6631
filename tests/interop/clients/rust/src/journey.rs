// SPDX-License-Identifier: MIT
//! What both programs have in common: tests/daemon/journey.py tells what they do.

use serde_json::{json, Value};
use std::time::Duration;
use uuid::Uuid;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

pub const N_NOTIFICATIONS: usize = 200;
pub const TIMEOUT: Duration = Duration::from_secs(30);
pub const PAUSE: Duration = Duration::from_millis(500);
#[allow(dead_code)]
pub const SHORT_PAUSE: Duration = Duration::from_millis(20);

pub struct Arguments {
    pub name: String,
    pub service: Uuid,
    pub store: Uuid,
    pub burst: Uuid,
    pub quitter: String,
    pub value: Uuid,
    pub hang_up: Uuid,
}

pub fn arguments() -> Outcome<Arguments> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or("an argument is missing");
    Ok(Arguments {
        name: next()?,
        service: next()?.parse()?,
        store: next()?.parse()?,
        burst: next()?.parse()?,
        quitter: next()?,
        value: next()?.parse()?,
        hang_up: next()?.parse()?,
    })
}

pub fn did(step: &str, key: &str, value: Value) {
    println!("{}", json!({"did": step, key: value}));
}

pub fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub fn written() -> Vec<u8> {
    (0..400).map(|i| (i % 251) as u8).collect()
}

/// The number that a notification begins with.
pub fn number(value: &[u8]) -> u16 {
    value.get(..2).map_or(u16::MAX, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}
