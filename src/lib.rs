//! rawcosmos: Azure Cosmos DB for NoSQL over raw HTTP, with a managed identity.
//!
//! Three HTTP protocols spoken by hand: the machine's identity endpoint, Azure Resource Manager (ARM) and the
//! Cosmos DB data plane. Synchronous, small functions. The code is also the lesson: read it in this order.
//!
//! | step | module | what it is |
//! |---|---|---|
//! | | [`error`] [`message`] [`name`] [`show`] | plain data: requests, answers, names, secrets, and how they are shown |
//! | 1 | [`identity`] | who am I, and a token |
//! | 2 | [`authorize`] | a token or a key becomes headers |
//! | 3 | [`arm`] [`cosmos`] | what to send: one function an operation |
//! | 4, 5 | [`exchange`] | send it and judge the answer; follow operations, turn pages, retry |
//! | | [`cli`] | words, calls, text |
//! | | `sandbox` | the other side: IMDS, ARM and the data plane on loopback |
//!
//! # The one idea
//!
//! An operation is a value, a [`message::Call`]: what to send, what it must be authorized for, whether it may be
//! sent twice, and how to read the answer. It opens nothing, and knows no credential and no clock. Every call takes
//! one road, [`exchange::Client::run`].
//!
//! ```
//! use rawcosmos::cosmos::{Account, items, partition_key::PartitionKey};
//! use rawcosmos::name::{Endpoint, Name};
//! use rawcosmos::show::{self, Mask};
//!
//! # fn main() -> Result<(), rawcosmos::error::Error> {
//! let account = Account::new(Endpoint::new("https://contoso.documents.azure.com")?);
//! let container = account.database(&Name::new("shop")?).container(&Name::new("orders")?);
//! let key = PartitionKey::from_text("north");
//! let call = items::read(&container, &Name::new("1")?, &key, &items::Options::default());
//!
//! let shown = show::request(&call.request, &Mask::default());
//! assert!(shown.starts_with("GET /dbs/shop/colls/orders/docs/1 HTTP/1.1\nhost: contoso.documents.azure.com\n"));
//! assert!(shown.contains("x-ms-documentdb-partitionkey: [\"north\"]\n"));
//! # Ok(())
//! # }
//! ```
//!
//! # What is deliberately absent
//!
//! - `identity`, `arm`, `cosmos` and `authorize` open no socket and read no clock, no environment and no file.
//! - Items are never parsed and written again: they travel as the JSON text they are.
//! - Nothing that is secret has a `Debug` or `Display` that shows it; see [`name::Secret`].
//! - A path is built from [`name::Name`]s alone, each percent-encoded once; what a key signs comes from the same link.
//! - A URL the service chose gets our token only where [`name::Endpoint::covers`] it. No redirect is followed.
//! - Plain `http://` goes to the identity endpoint and to this machine, never elsewhere.
//! - No proxy for the identity endpoint, no telemetry, no file that was not asked for.

#![forbid(unsafe_code)]
// The limit is in `.clippy.toml`; the tables of a test may be longer.
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod error;
pub mod message;
pub mod name;
pub mod show;

pub mod identity;

pub mod authorize;

pub mod arm;
pub mod cosmos;

pub mod exchange;

pub mod cli;
#[cfg(feature = "sandbox")]
pub mod sandbox;

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
