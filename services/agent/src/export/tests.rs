//! Promises of export jobs, with systems that fail, wait and panic when a test wants it.
//!
//! `world` is the entity, `walks` what its systems give, `watched` what is seen of an export; the rest are the promises, by
//! subject.

mod beginning;
mod ending;
mod generations;
mod people;
mod presented;
mod room;
mod trouble;
mod walks;
mod watched;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::pin;

use futures::StreamExt;
use tributary_archive::attestation::{Answer, Attestation};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::table::{self, Table};
use tributary_model::clock::Clock;
use tributary_model::disposition::Disposition;

use super::*;
use crate::collect::{CollectError, Collected, ManualCollection, PartSink, Request, StopFlag};
use walks::{Walking, found, halting, part, table_part, whole};
use watched::{attested, bytes, copy, files, next, pause};
use world::{World, requested};

const PATIENCE: Duration = Duration::from_secs(30);
