//! An entity whose exports are tested: its ledger, spool, keys and clock, and systems that do as a test wants.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::clock::ManualClock;
use tributary_model::id::IdentifierType;
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::mandate::Action;
use tributary_model::right::{Right, TableFormat};

use super::*;
use crate::collect::DatasetInfo;
use crate::spool::Quota;

/// Systems whose walks are given by the test, with the walk's number from 1.
pub(super) struct Fake {
    pub(super) walks: AtomicU32,
    pub(super) walk: Walking,
    pub(super) manual: Vec<ManualCollection>,
    pub(super) reviewed: BTreeSet<(FidesKey, String)>,
}

impl Systems for Fake {
    fn identifier_types(&self) -> Vec<IdentifierType> {
        Vec::new()
    }

    fn datasets(&self) -> Vec<DatasetInfo> {
        Vec::new()
    }

    fn manual(&self) -> Vec<ManualCollection> {
        self.manual.clone()
    }

    fn reviewed(&self) -> BTreeSet<(FidesKey, String)> {
        self.reviewed.clone()
    }

    /// Waits until it is told to stop.
    fn locate(&self, _: &[Identifier], stop: &StopFlag) -> Result<Located, CollectError> {
        while !stop.is_raised() {
            std::thread::yield_now();
        }
        Err(CollectError::Stopped)
    }

    fn collect(&self, request: &Request, sink: &mut dyn PartSink, stop: &StopFlag) -> Result<Collected, CollectError> {
        (self.walk)(self.walks.fetch_add(1, Ordering::SeqCst) + 1, request, sink, stop)
    }
}

pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) key: SigningKey,
    pub(super) limits: Limits,
    pub(super) give_up: Option<Duration>,
    pub(super) decision: Option<Duration>,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek = folder.path().join("kek");
        std::fs::write(&kek, KeyEncryptionKey::generate().unwrap()).unwrap();
        std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o600)).unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        let second = Duration::from_secs(1);
        let limits = Limits { retry_min: second, retry_max: second, ..Limits::default() };
        Self { folder, clock, key: SigningKey::generate().unwrap(), limits, give_up: None, decision: None }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) async fn start(
        &self,
        walk: impl Fn(u32, &Request, &mut dyn PartSink, &StopFlag) -> Result<Collected, CollectError>
        + Send
        + Sync
        + 'static,
    ) -> Exports {
        self.start_in(&self.data(), Box::new(walk)).await
    }

    pub(super) async fn start_in(&self, data: &Path, walk: Walking) -> Exports {
        Exports::start(self.setup(data, walk, Vec::new(), BTreeSet::new())).await.unwrap()
    }

    pub(super) fn setup(
        &self,
        data: &Path,
        walk: Walking,
        manual: Vec<ManualCollection>,
        reviewed: BTreeSet<(FidesKey, String)>,
    ) -> Setup {
        let kek = KeyEncryptionKey::load(&self.folder.path().join("kek")).unwrap();
        let now = self.clock.now();
        let published = ValidKey {
            public_key: self.key.public(),
            not_before: now - SignedDuration::from_hours(1),
            not_after: now + SignedDuration::from_hours(24 * 30),
            revoked_at: None,
        };
        let signer = Signer {
            entity: "acme".parse().unwrap(),
            key: SigningKey::from_pem(&self.key.to_pem().unwrap()).unwrap(),
            published,
            group_version: 1,
            group_sha256: Sha256Hex::of(b"group"),
        };
        let day = Duration::from_secs(24 * 3600);
        Setup {
            ledger: Ledger::open(data, kek).unwrap(),
            spool: Spool::open(data.join("spool"), Quota::new(1 << 24)).unwrap(),
            systems: Arc::new(Fake { walks: AtomicU32::new(0), walk, manual, reviewed }),
            signer,
            clock: self.clock.clone(),
            turns: Turns::new(&self.limits),
            limits: self.limits.clone(),
            spool_limits: SpoolLimits::default(),
            due: Due { manual: 10 * day, review: 10 * day, decision: self.decision, give_up: self.give_up },
        }
    }

    pub(super) fn later(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(super) fn mandate(&self) -> Mandate {
        let now = self.clock.now();
        Mandate {
            action: Action::Export,
            instruction: InstructionId::new(now),
            entity: "acme".parse().unwrap(),
            case: CaseId::new(now),
            right: Right::Access,
            salt: String::new(),
            identifiers_sha256: String::new(),
            group_version: 1,
            group_sha256: String::new(),
            received_at: None,
            not_before: now,
            expires_at: now,
        }
    }
}

pub(super) fn requested() -> Requested {
    let identifiers = vec![Identifier::new("email".parse().unwrap(), "anna@example.org").unwrap()];
    Requested { identifiers, format: TableFormat::Csv, right: Right::Access }
}
