//! Links and the downloads begun with them. Every use that changes something is an event of the case, in one transaction
//! with what it records. Tokens are known here by keyed digests only.

use std::ops::Range;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tributary_model::id::CaseId;

use super::archives::hand_over;
use super::cases::archive;
use super::events::{Head, Record};
use super::keys::Keys;
use super::sql::{Ask, Row, Snapshot, Tx, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Archive, after};
use crate::links::{Link, LinkId, LinkState, MAX_ACTIVE, MAX_REQUESTS, MAX_SESSION, NewLink, PAUSE, Session};

/// A refused link is recorded this often at most, however often it is tried.
const REFUSALS: SignedDuration = SignedDuration::from_mins(1);
/// The channel of a delivery that a complete download confirms.
const CHANNEL: &str = "link";

/// Columns that make a link. Readable is an archive whose pieces and whose case's key are there.
macro_rules! link_columns {
    () => {
        "l.link_id AS link_id, l.case_id AS case_id, l.sequence AS sequence, l.token_mac AS token_mac, \
         l.created_at AS created_at, l.expires_at AS expires_at, l.max_downloads AS max_downloads, \
         l.downloads AS downloads, l.starts AS starts, l.sent AS sent, l.confirm_delivery AS confirm_delivery, \
         l.language AS language, l.record AS record, l.last_download_at AS last_download_at, \
         l.refused_at AS refused_at, l.revoked_at AS revoked_at, c.record_key AS record_key, \
         (SELECT COUNT(*) FROM archives a WHERE a.case_id = l.case_id AND a.sequence = l.sequence \
         AND a.pieces IS NOT NULL AND c.content_key IS NOT NULL) AS readable, \
         (SELECT CAST(COALESCE(MAX(a.size), 0) AS BIGINT) FROM archives a WHERE a.case_id = l.case_id \
         AND a.sequence = l.sequence) AS size"
    };
}

/// Who made a link, and how it was to reach the person: sealed under the record key.
#[derive(Serialize, Deserialize)]
struct LinkRecord {
    actor: Actor,
    channel: String,
}

impl Store {
    /// Makes a link to a written archive of a case.
    pub(crate) async fn create_link(
        &self,
        id: CaseId,
        new: NewLink,
        token: [u8; 32],
        actor: Actor,
        now: Timestamp,
    ) -> Result<Link, StoreError> {
        let store = self.clone();
        self.write("create a link", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let sequence = written(tx, id, new.sequence).await?;
                let live = of_case(tx, store.keys(), id).await?;
                if live.iter().filter(|link| link.state(now) == LinkState::Active).count() >= MAX_ACTIVE {
                    return Err(StoreError::TooManyLinks);
                }
                let link = LinkId::random();
                let record = LinkRecord { actor: actor.clone(), channel: new.channel };
                let record = head.keys.seal_record("link", &record)?;
                let sql = "INSERT INTO links (link_id, case_id, sequence, token_mac, created_at, expires_at, \
                           max_downloads, downloads, starts, sent, confirm_delivery, language, record) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, $8, $9, $10)";
                let language = new.language.map(String::from);
                let values = vals![
                    link.to_string(),
                    id,
                    sequence,
                    &token[..],
                    now,
                    new.expires_at,
                    new.max_downloads,
                    new.confirm_delivery,
                    language,
                    record
                ];
                tx.run(sql, &values).await?;
                let detail = format!("link {link} to archive {sequence}");
                let record = Record { detail: &detail, actor: Some(&actor), ..Record::default() };
                head.record(tx, "LINK_CREATED", now, record).await?;
                by_id(tx, store.keys(), link).await?.ok_or(StoreError::NoLink)
            })
        })
        .await
    }

    /// A case's links, newest first.
    pub(crate) async fn links(&self, id: CaseId) -> Result<Vec<Link>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        of_case(&mut snapshot, self.keys(), id).await
    }

    /// Ends a link and its downloads. One that is over stays as it was.
    pub(crate) async fn revoke_link(
        &self,
        id: CaseId,
        link: LinkId,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Link, StoreError> {
        let store = self.clone();
        self.write("revoke a link", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let found = by_id(tx, store.keys(), link).await?.filter(|found| found.case == id);
                let found = found.ok_or(StoreError::NoLink)?;
                if found.revoked_at.is_some() {
                    return Ok(found);
                }
                let sql = "UPDATE links SET revoked_at = $2 WHERE link_id = $1";
                tx.run(sql, &vals![link.to_string(), now]).await?;
                end_sessions(tx, link, now).await?;
                let detail = format!("link {link}");
                let record = Record { detail: &detail, actor: Some(&actor), ..Record::default() };
                head.record(tx, "LINK_REVOKED", now, record).await?;
                by_id(tx, store.keys(), link).await?.ok_or(StoreError::NoLink)
            })
        })
        .await
    }

    /// The link whose token has this digest.
    pub(crate) async fn link(&self, token: [u8; 32]) -> Result<Option<Link>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = concat!(
            "SELECT ",
            link_columns!(),
            " FROM links l JOIN cases c ON c.case_id = l.case_id WHERE l.token_mac = $1"
        );
        let Some(row) = snapshot.rows(sql, &vals![&token[..]]).await?.pop() else { return Ok(None) };
        // The index has compared digests that nobody can choose; this comparison takes the same time for all of them.
        let stored = row.blob("token_mac")?;
        verify_slices_are_equal(&stored, &token).map_err(|_| StoreError::Corrupt("token_mac"))?;
        read(self.keys(), &row).map(Some)
    }

    /// Size and name of a written archive, without its pieces.
    pub(crate) async fn archive_summary(&self, id: CaseId, sequence: u32) -> Result<Archive, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT sequence, file_name, size, tagmanifest_sha256, complete, assembled_at, delivered_at, \
                   shredded_at FROM archives WHERE case_id = $1 AND sequence = $2 AND object IS NOT NULL";
        let row = snapshot.rows(sql, &vals![id, sequence]).await?.pop().ok_or(StoreError::NoArchive)?;
        archive(&row)
    }

    /// Begins a download with its own token; false when the link cannot be used any more. A link that allows one more
    /// download has one under way at a time: the newest takes the place of the oldest.
    pub(crate) async fn begin_download(
        &self,
        link: LinkId,
        session: [u8; 32],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let store = self.clone();
        self.write("begin a download by link", move |tx| {
            Box::pin(async move {
                let case = case_of(tx, link).await?.ok_or(StoreError::NoLink)?;
                let mut head = Head::read(tx, store.keys(), case).await?;
                let found = by_id(tx, store.keys(), link).await?.ok_or(StoreError::NoLink)?;
                if found.state(now) != LinkState::Active {
                    return Ok(false);
                }
                make_room(tx, &found, now).await?;
                let sql = "INSERT INTO link_sessions (session_mac, link_id, case_id, created_at, expires_at, requests) \
                           VALUES ($1, $2, $3, $4, $5, 0)";
                let values = vals![&session[..], link.to_string(), found.case, now, after(now, PAUSE)];
                tx.run(sql, &values).await?;
                let sql = "UPDATE links SET starts = starts + 1 WHERE link_id = $1";
                tx.run(sql, &vals![link.to_string()]).await?;
                record(tx, &mut head, "LINK_DOWNLOAD_BEGUN", &found, "", now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The download whose token has this digest.
    pub(crate) async fn session(&self, session: [u8; 32]) -> Result<Option<Session>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        Ok(find(&mut snapshot, self.keys(), session).await?.map(|found| found.session()))
    }

    /// Records that a range is about to be sent; false when it may not be any more.
    pub(crate) async fn begin_range(
        &self,
        session: [u8; 32],
        range: Range<u64>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let store = self.clone();
        self.write("record a download by link", move |tx| {
            Box::pin(async move {
                let Some(case) = case_of_session(tx, session).await? else { return Ok(false) };
                let mut head = Head::read(tx, store.keys(), case).await?;
                let Some(found) = find(tx, store.keys(), session).await? else { return Ok(false) };
                if !found.session().serves(range.start, now) || found.requests >= MAX_REQUESTS {
                    return Ok(false);
                }
                let lowest = found.lowest.map_or(range.start, |lowest| lowest.min(range.start));
                let sql = "UPDATE link_sessions SET requests = requests + 1, lowest = $2, expires_at = $3 \
                           WHERE session_mac = $1";
                tx.run(sql, &vals![&session[..], lowest, found.expiry(now)]).await?;
                let bytes = format!(", bytes {} to {}", range.start, range.end);
                record(tx, &mut head, "LINK_DOWNLOADED", &found.link, &bytes, now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Records the end of a range, of which `bytes` were taken: the download may pause from now on, or is complete, which
    /// counts once.
    pub(crate) async fn range_ended(
        &self,
        session: [u8; 32],
        end_was_sent: bool,
        bytes: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = self.clone();
        self.write("end a download by link", move |tx| {
            Box::pin(async move {
                let Some(case) = case_of_session(tx, session).await? else { return Ok(()) };
                let mut head = Head::read(tx, store.keys(), case).await?;
                let Some(found) = find(tx, store.keys(), session).await? else { return Ok(()) };
                let sql = "UPDATE link_sessions SET expires_at = $2 WHERE session_mac = $1";
                tx.run(sql, &vals![&session[..], found.expiry(now)]).await?;
                let sql = "UPDATE links SET sent = sent + $2 WHERE link_id = $1";
                tx.run(sql, &vals![found.link.id.to_string(), bytes]).await?;
                // Whoever asks for the end without ever having asked for the beginning has not downloaded it.
                let is_complete = end_was_sent && found.lowest == Some(0) && found.completed_at.is_none();
                if is_complete && found.session().goes_on() {
                    return complete(tx, &mut head, &found, now).await;
                }
                Ok(())
            })
        })
        .await
    }

    /// Records that a link was tried that cannot be used any more, at most once a minute.
    pub(crate) async fn link_refused(&self, link: LinkId, now: Timestamp) -> Result<(), StoreError> {
        let store = self.clone();
        self.write("record a refused link", move |tx| {
            Box::pin(async move {
                let Some(case) = case_of(tx, link).await? else { return Ok(()) };
                let mut head = Head::read(tx, store.keys(), case).await?;
                let sql = "UPDATE links SET refused_at = $2 WHERE link_id = $1 \
                           AND (refused_at IS NULL OR refused_at <= $3) RETURNING case_id";
                let before = now.checked_sub(REFUSALS).unwrap_or(Timestamp::MIN);
                if tx.rows(sql, &vals![link.to_string(), now, before]).await?.is_empty() {
                    return Ok(());
                }
                let Some(found) = by_id(tx, store.keys(), link).await? else { return Ok(()) };
                let why = format!(", {}", found.state(now).as_str());
                record(tx, &mut head, "LINK_REFUSED", &found, &why, now).await
            })
        })
        .await
    }

    /// Forgets downloads that nobody can go on with. Their events stay.
    pub(crate) async fn forget_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write("forget downloads by link", move |tx| {
            Box::pin(async move {
                let before = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
                tx.run("DELETE FROM link_sessions WHERE expires_at < $1", &vals![before]).await.map(drop)
            })
        })
        .await
    }
}

/// A download with its link.
struct Found {
    session: [u8; 32],
    link: Link,
    created_at: Timestamp,
    expires_at: Timestamp,
    requests: u32,
    lowest: Option<u64>,
    completed_at: Option<Timestamp>,
    is_ended: bool,
}

impl Found {
    fn session(&self) -> Session {
        Session::new(self.link.clone(), self.expires_at, self.completed_at, self.is_ended)
    }

    /// Until when it may pause, if something was sent at `now`.
    fn expiry(&self, now: Timestamp) -> Timestamp {
        after(now, PAUSE).min(after(self.created_at, MAX_SESSION)).max(self.expires_at)
    }
}

async fn find(ask: &mut impl Ask, keys: &Keys, session: [u8; 32]) -> Result<Option<Found>, StoreError> {
    let sql = concat!(
        "SELECT ",
        link_columns!(),
        ", s.created_at AS begun_at, s.expires_at AS pause_until, s.requests AS requests, s.lowest AS lowest, \
         s.completed_at AS completed_at, s.ended_at AS ended_at FROM link_sessions s \
         JOIN links l ON l.link_id = s.link_id JOIN cases c ON c.case_id = l.case_id WHERE s.session_mac = $1"
    );
    let Some(row) = ask.ask(sql, &vals![&session[..]]).await?.pop() else { return Ok(None) };
    Ok(Some(Found {
        session,
        link: read(keys, &row)?,
        created_at: row.time("begun_at")?,
        expires_at: row.time("pause_until")?,
        requests: row.count("requests")?,
        lowest: row.int_opt("lowest")?.and_then(|lowest| u64::try_from(lowest).ok()),
        completed_at: row.time_opt("completed_at")?,
        is_ended: row.time_opt("ended_at")?.is_some(),
    }))
}

/// Ends the oldest downloads under way until one more fits into what the link still allows.
async fn make_room(tx: &mut Tx, link: &Link, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT session_mac FROM link_sessions WHERE link_id = $1 AND completed_at IS NULL AND ended_at IS NULL \
               AND expires_at > $2 ORDER BY created_at, session_mac";
    let live = tx.rows(sql, &vals![link.id.to_string(), now]).await?;
    let allowed = link.max_downloads.saturating_sub(link.downloads) as usize;
    for row in live.iter().take((live.len() + 1).saturating_sub(allowed)) {
        let sql = "UPDATE link_sessions SET ended_at = $2 WHERE session_mac = $1";
        tx.run(sql, &vals![row.blob("session_mac")?, now]).await?;
    }
    Ok(())
}

async fn complete(tx: &mut Tx, head: &mut Head, found: &Found, now: Timestamp) -> Result<(), StoreError> {
    let link = &found.link;
    let sql = "UPDATE link_sessions SET completed_at = $2 WHERE session_mac = $1";
    tx.run(sql, &vals![&found.session[..], now]).await?;
    let sql = "UPDATE links SET downloads = downloads + 1, last_download_at = $2 WHERE link_id = $1";
    tx.run(sql, &vals![link.id.to_string(), now]).await?;
    record(tx, head, "LINK_DOWNLOAD_COMPLETED", link, "", now).await?;
    if link.confirm_delivery && archive_is_undelivered(tx, link).await? {
        let made: LinkRecord = head.keys.open_record("link", &sealed(tx, link.id).await?)?;
        let actor = Actor { note: Some(CHANNEL.to_owned()), ..made.actor };
        hand_over(tx, head, link.sequence, now, &actor, now).await?;
    }
    Ok(())
}

async fn archive_is_undelivered(tx: &mut Tx, link: &Link) -> Result<bool, StoreError> {
    let sql = "SELECT delivered_at FROM archives WHERE case_id = $1 AND sequence = $2";
    let row = tx.row(sql, &vals![link.case, link.sequence]).await?.ok_or(StoreError::NoArchive)?;
    Ok(row.time_opt("delivered_at")?.is_none())
}

async fn sealed(tx: &mut Tx, link: LinkId) -> Result<Vec<u8>, StoreError> {
    let row = tx.row("SELECT record FROM links WHERE link_id = $1", &vals![link.to_string()]).await?;
    row.ok_or(StoreError::NoLink)?.blob("record")
}

/// An event of a person's use of a link. Who they are nobody knows: the link is the actor, and no address is kept.
async fn record(
    tx: &mut Tx,
    head: &mut Head,
    name: &str,
    link: &Link,
    more: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let detail = format!("link {}, archive {}{more}", link.id, link.sequence);
    let actor = Actor { caller: format!("link {}", link.id), on_behalf_of: String::new(), note: None };
    head.record(tx, name, now, Record { detail: &detail, actor: Some(&actor), ..Record::default() }).await
}

/// Ends the downloads of a link that are not over.
async fn end_sessions(tx: &mut Tx, link: LinkId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE link_sessions SET ended_at = $2 WHERE link_id = $1 AND ended_at IS NULL";
    tx.run(sql, &vals![link.to_string(), now]).await.map(drop)
}

/// Revokes what links a case still has: its archives are gone.
pub(super) async fn revoke_all(
    tx: &mut Tx,
    case: CaseId,
    sequence: Option<u32>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sequence = sequence.map(i64::from);
    let sql = "UPDATE links SET revoked_at = $2 WHERE case_id = $1 AND revoked_at IS NULL \
               AND ($3 IS NULL OR sequence = $3) RETURNING link_id";
    for row in tx.rows(sql, &vals![case, now, sequence]).await? {
        end_sessions(tx, row.parse("link_id")?, now).await?;
    }
    Ok(())
}

/// The number of a written archive whose bytes are there; 0 asks for the latest.
async fn written(tx: &mut Tx, id: CaseId, sequence: u32) -> Result<u32, StoreError> {
    let sql = "SELECT sequence, pieces, shredded_at FROM archives WHERE case_id = $1 AND object IS NOT NULL \
               AND ($2 = 0 OR sequence = $2) ORDER BY sequence DESC LIMIT 1";
    let row = tx.row(sql, &vals![id, sequence]).await?.ok_or(StoreError::NoArchive)?;
    if let Some(at) = row.time_opt("shredded_at")? {
        return Err(StoreError::Shredded(at));
    }
    row.blob_opt("pieces")?.ok_or(StoreError::NoArchive)?;
    row.count("sequence")
}

/// The case of a link: what is locked before anything about the link is decided.
async fn case_of(tx: &mut Tx, link: LinkId) -> Result<Option<CaseId>, StoreError> {
    let row = tx.row("SELECT case_id FROM links WHERE link_id = $1", &vals![link.to_string()]).await?;
    row.map(|row| row.parse("case_id")).transpose()
}

/// The case of a download, likewise.
async fn case_of_session(tx: &mut Tx, session: [u8; 32]) -> Result<Option<CaseId>, StoreError> {
    let row = tx.row("SELECT case_id FROM link_sessions WHERE session_mac = $1", &vals![&session[..]]).await?;
    row.map(|row| row.parse("case_id")).transpose()
}

async fn by_id(ask: &mut impl Ask, keys: &Keys, link: LinkId) -> Result<Option<Link>, StoreError> {
    let sql =
        concat!("SELECT ", link_columns!(), " FROM links l JOIN cases c ON c.case_id = l.case_id WHERE l.link_id = $1");
    ask.ask(sql, &vals![link.to_string()]).await?.pop().map(|row| read(keys, &row)).transpose()
}

async fn of_case(ask: &mut impl Ask, keys: &Keys, id: CaseId) -> Result<Vec<Link>, StoreError> {
    let sql = concat!(
        "SELECT ",
        link_columns!(),
        " FROM links l JOIN cases c ON c.case_id = l.case_id WHERE l.case_id = $1 \
         ORDER BY l.created_at DESC, l.link_id"
    );
    ask.ask(sql, &vals![id]).await?.iter().map(|row| read(keys, row)).collect()
}

fn read(keys: &Keys, row: &Row) -> Result<Link, StoreError> {
    let case: CaseId = row.parse("case_id")?;
    let keys = keys.unwrap(case, None, &row.blob("record_key")?)?;
    let record: LinkRecord = keys.open_record("link", &row.blob("record")?)?;
    Ok(Link {
        id: row.parse("link_id")?,
        case,
        sequence: row.count("sequence")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        max_downloads: row.count("max_downloads")?,
        downloads: row.count("downloads")?,
        starts: row.count("starts")?,
        sent: row.count("sent")?,
        size: row.count("size")?,
        confirm_delivery: row.bool_opt("confirm_delivery")?.ok_or(StoreError::Corrupt("confirm_delivery"))?,
        language: row.parse_opt("language")?,
        channel: record.channel,
        last_download_at: row.time_opt("last_download_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        is_readable: row.int("readable")? > 0,
    })
}
