//! The audit protects itself; whoever owns the database gets past that, and what they do is named.

use std::time::Duration;

use pts_adapter_postgres::PgAuditLog;
use pts_domain::Timestamp;
use pts_domain::audit::{Checkpoint, Head, Report, SigningKey, Tampering, Verifier};
use pts_ports::{AuditLog, StoreError};
use pts_testkit::contract::audit::{bare, full};
use pts_testkit::postgres::TestDb;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::support::{count, outside, pool, sql, until};

const WITHIN: Duration = Duration::from_secs(10);
const COLUMNS: &str = "id, at, last_at, times, actor_kind, actor_id, actor_name, subject, action, \
     input, effect, outcome, reason, request_id, address, workspace, intent, previous, hash";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

/// An audit of twenty entries, signed at some of them; the last checkpoint is in a file, too.
struct Scene {
    audit: PgAuditLog,
    client: Client,
    exported: Checkpoint,
    _database: TestDb,
}

async fn scene() -> Scene {
    let database = TestDb::fresh().await;
    let audit = PgAuditLog::new(pool(&database));
    let client = outside(&database).await;
    let mut exported = None;
    for n in 1..=4 {
        let batch = (n * 10..n * 10 + 5).map(full).collect();
        let end = audit.append(batch, WITHIN).await.unwrap();
        let signed = Checkpoint::sign(end, Timestamp::UNIX_EPOCH, &key()).unwrap();
        audit.keep_checkpoint(&signed).await.unwrap();
        exported = Some(signed);
    }
    Scene {
        audit,
        client,
        exported: exported.unwrap(),
        _database: database,
    }
}

impl Scene {
    /// Does something as the owner of the database, whom no trigger stops.
    async fn owner_does(&self, statements: &str) {
        let tables = ["audit_entries", "audit_checkpoints", "audit_end"];
        let triggers = |word: &str| -> String {
            let each =
                tables.map(|table| format!("ALTER TABLE access.{table} {word} TRIGGER ALL;"));
            each.concat()
        };
        let off = triggers("DISABLE");
        sql(&self.client, &format!("BEGIN; {off} {statements}; COMMIT")).await;
    }

    async fn read(&self, exported: bool) -> Report {
        let mut verifier = Verifier::new(vec![key().public()]);
        for kept in self.audit.checkpoints(None, 100).await.unwrap() {
            match kept.checkpoint {
                Some(checkpoint) => verifier.checkpoint(&checkpoint),
                None => verifier.flaw(kept.sequence, "it cannot be read".into()),
            }
        }
        if exported {
            verifier.checkpoint(&self.exported);
        }
        for row in self.audit.stretch(None, 1_000).await.unwrap() {
            verifier.look(row);
        }
        verifier.finish(self.audit.end().await.unwrap())
    }

    #[track_caller]
    fn is(report: &Report, kind: Tampering, first: i64) {
        let fault = report.fault.as_ref().expect("it is found");
        assert_eq!((fault.kind, fault.first), (kind, first), "{fault}");
    }

    /// After this, the first bad entry is that one, and this was done to it.
    async fn after(statements: &str, kind: Tampering, first: i64) {
        let scene = scene().await;
        assert!(scene.read(true).await.is_sound());
        scene.owner_does(statements).await;
        Self::is(&scene.read(false).await, kind, first);
    }
}

#[tokio::test]
async fn nothing_in_the_audit_can_be_changed_or_removed() {
    let scene = scene().await;
    for statement in [
        "UPDATE access.audit_entries SET action = 'x' WHERE sequence = 3",
        "DELETE FROM access.audit_entries WHERE sequence = 20",
        "TRUNCATE access.audit_entries",
        "UPDATE access.audit_checkpoints SET at = now()",
        "DELETE FROM access.audit_checkpoints",
        "TRUNCATE access.audit_checkpoints",
        "DELETE FROM access.audit_end",
        "TRUNCATE access.audit_end",
        "SET session_replication_role = replica; DELETE FROM access.audit_entries",
    ] {
        let error = scene.client.batch_execute(statement).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::RESTRICT_VIOLATION),
            "{statement}"
        );
    }
    assert!(scene.read(true).await.is_sound());
}

#[tokio::test]
async fn an_entry_that_was_changed_is_named() {
    for change in [
        "action = 'nothing.much'",
        "actor_name = 'mallory'",
        "actor_id = NULL",
        "at = at - interval '1 microsecond'",
        "times = times + 1",
        "outcome = 'denied'",
        "outcome = 'what?'",
        "address = '192.0.2.1'",
        "address = '2001:DB8::7'",
        "input = NULL",
        "intent = NULL",
        "previous = hash",
        "hash = previous",
    ] {
        let statement = format!("UPDATE access.audit_entries SET {change} WHERE sequence = 7");
        Scene::after(&statement, Tampering::Changed, 7).await;
    }
}

#[tokio::test]
async fn entries_that_were_removed_are_named() {
    let removed = "DELETE FROM access.audit_entries WHERE sequence IN (8, 9)";
    Scene::after(removed, Tampering::Removed, 8).await;
    // Closing the hole does not hide it.
    let closed = format!(
        "{removed}; UPDATE access.audit_entries SET sequence = sequence + 1000 WHERE sequence > 9; \
         UPDATE access.audit_entries SET sequence = sequence - 1002 WHERE sequence > 1000; \
         UPDATE access.audit_end SET sequence = 18; \
         DELETE FROM access.audit_checkpoints WHERE sequence > 7"
    );
    Scene::after(&closed, Tampering::Removed, 8).await;
}

#[tokio::test]
async fn an_entry_that_was_inserted_is_named() {
    let room = "UPDATE access.audit_entries SET sequence = sequence + 1000 WHERE sequence > 9; \
         UPDATE access.audit_entries SET sequence = sequence - 999 WHERE sequence > 1000";
    let copied = COLUMNS.replacen("id, ", "gen_random_uuid(), ", 1);
    let insert = format!(
        "INSERT INTO access.audit_entries (sequence, {COLUMNS}) \
         SELECT 10, {copied} FROM access.audit_entries WHERE sequence = 4"
    );
    Scene::after(&format!("{room}; {insert}"), Tampering::Inserted, 10).await;

    // By somebody who knows how entries are hashed: what stands before it and itself are right.
    let scene = scene().await;
    let before = scene.audit.stretch(Some(8), 1).await.unwrap().remove(0);
    let mut head = Head {
        sequence: before.sequence,
        hash: before.hash.unwrap(),
    };
    let forged = head.seal(bare(99));
    let values = forged.record;
    let row = format!(
        "INSERT INTO access.audit_entries (sequence, id, at, last_at, times, actor_kind, \
         actor_name, action, effect, outcome, previous, hash) VALUES (10, '{}', '{}', '{}', 1, \
         'unknown', 'unknown', '{}', 'read', 'denied', '\\x{}', '\\x{}')",
        values.id, values.at, values.at, values.action, forged.previous, forged.hash
    );
    scene.owner_does(&format!("{room}; {row}")).await;
    Scene::is(&scene.read(false).await, Tampering::Inserted, 10);
}

#[tokio::test]
async fn entries_that_were_reordered_are_named() {
    let numbers = "UPDATE access.audit_entries SET sequence = 1000 WHERE sequence = 6; \
         UPDATE access.audit_entries SET sequence = 6 WHERE sequence = 17; \
         UPDATE access.audit_entries SET sequence = 17 WHERE sequence = 1000";
    Scene::after(numbers, Tampering::Reordered, 6).await;
    // What they say alone, so that hashes and numbers stay in order.
    let words = COLUMNS.replace(", previous, hash", "");
    let moved = words.replacen("id, ", "", 1);
    let swap = format!(
        "CREATE TEMP TABLE two AS SELECT * FROM access.audit_entries WHERE sequence IN (6, 7); \
         UPDATE access.audit_entries SET id = gen_random_uuid() WHERE sequence IN (6, 7); \
         UPDATE access.audit_entries AS e SET (id, {moved}) = \
         (SELECT {words} FROM two WHERE two.sequence = 13 - e.sequence) WHERE sequence IN (6, 7)"
    );
    Scene::after(&swap, Tampering::Reordered, 6).await;
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_named_by_what_was_signed() {
    let cut = "DELETE FROM access.audit_entries WHERE sequence > 12";
    Scene::after(cut, Tampering::Truncated, 13).await;
    let thorough = format!(
        "{cut}; UPDATE access.audit_end AS a SET sequence = e.sequence, hash = e.hash \
         FROM access.audit_entries AS e WHERE e.sequence = 12"
    );
    Scene::after(&thorough, Tampering::Truncated, 13).await;

    // Whoever removes what was signed as well is told on by what was exported.
    let scene = scene().await;
    let traces = format!("{thorough}; DELETE FROM access.audit_checkpoints WHERE sequence > 12");
    scene.owner_does(&traces).await;
    assert!(
        scene.read(false).await.is_sound(),
        "the database alone tells nothing"
    );
    Scene::is(&scene.read(true).await, Tampering::Truncated, 13);
    // Nor does it help that the chain goes on since.
    let batch = (80..95).map(full).collect();
    scene.audit.append(batch, WITHIN).await.unwrap();
    Scene::is(&scene.read(true).await, Tampering::Rewritten, 11);
}

#[tokio::test]
async fn a_checkpoint_that_was_changed_is_told() {
    let scene = scene().await;
    scene
        .owner_does("UPDATE access.audit_checkpoints SET at = now() WHERE sequence = 5")
        .await;
    let report = scene.read(false).await;
    assert_eq!(report.fault, None);
    assert_eq!(report.flaws[0].sequence, 5);
    assert!(
        report.flaws[0].what.contains("not as the key"),
        "{:?}",
        report.flaws
    );
}

#[tokio::test]
async fn an_audit_without_its_end_takes_nothing_any_more() {
    let scene = scene().await;
    scene.owner_does("DELETE FROM access.audit_end").await;
    let refused = scene.audit.append(vec![full(99)], WITHIN).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(_))),
        "{refused:?}"
    );
    let report = scene.read(false).await;
    assert!(report.flaws[0].to_string().contains("where the chain ends"));
}

#[tokio::test]
async fn an_append_that_cannot_have_its_turn_gives_up_in_time() {
    let scene = scene().await;
    sql(
        &scene.client,
        "BEGIN; SELECT 1 FROM access.audit_end FOR UPDATE",
    )
    .await;
    let short = Duration::from_millis(200);
    let refused = scene.audit.append(vec![full(99)], short).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Unavailable {
                maybe_done: false,
                ..
            })
        ),
        "{refused:?}"
    );
    sql(&scene.client, "ROLLBACK").await;
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock'";
    until("nobody waits for it any more", async || {
        count(&scene.client, waits).await == 0
    })
    .await;
    let end = scene.audit.append(vec![full(99)], WITHIN).await.unwrap();
    assert_eq!(end.sequence, 21);
    assert!(scene.read(true).await.is_sound());
}

#[tokio::test]
async fn what_guarded_the_audit_and_was_taken_away_is_named() {
    let scene = scene().await;
    assert_eq!(scene.audit.unguarded().await.unwrap(), [""; 0]);
    let entries = "access.audit_entries";
    let kept = "the trigger audit_entries_are_kept on access.audit_entries";
    for (done, undone, finding) in [
        (
            format!("ALTER TABLE {entries} DISABLE TRIGGER audit_entries_are_kept"),
            format!("ALTER TABLE {entries} ENABLE ALWAYS TRIGGER audit_entries_are_kept"),
            format!("{kept} is switched off"),
        ),
        (
            format!("ALTER TABLE {entries} ENABLE TRIGGER audit_entries_are_kept"),
            format!("ALTER TABLE {entries} ENABLE ALWAYS TRIGGER audit_entries_are_kept"),
            format!("{kept} can be got past (it is not ENABLE ALWAYS)"),
        ),
        (
            "ALTER TRIGGER audit_end_is_kept ON access.audit_end RENAME TO x; \
             ALTER TABLE access.audit_end DISABLE TRIGGER x"
                .into(),
            "ALTER TRIGGER x ON access.audit_end RENAME TO audit_end_is_kept; \
             ALTER TABLE access.audit_end ENABLE ALWAYS TRIGGER audit_end_is_kept"
                .into(),
            "the trigger audit_end_is_kept on access.audit_end is missing".into(),
        ),
        (
            format!(
                "CREATE OR REPLACE TRIGGER audit_entries_are_kept BEFORE UPDATE OR DELETE \
                 ON {entries} FOR EACH ROW WHEN (OLD.sequence > 10) \
                 EXECUTE FUNCTION platform.refuse_change(); \
                 ALTER TABLE {entries} ENABLE ALWAYS TRIGGER audit_entries_are_kept"
            ),
            format!(
                "CREATE OR REPLACE TRIGGER audit_entries_are_kept BEFORE UPDATE OR DELETE \
                 ON {entries} FOR EACH ROW EXECUTE FUNCTION platform.refuse_change(); \
                 ALTER TABLE {entries} ENABLE ALWAYS TRIGGER audit_entries_are_kept"
            ),
            format!("{kept} is another than it was"),
        ),
        (
            format!(
                "CREATE TRIGGER quiet BEFORE INSERT ON {entries} FOR EACH ROW \
                 EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            format!("DROP TRIGGER quiet ON {entries}"),
            format!("the trigger quiet on {entries} is none of the service"),
        ),
        (
            format!("CREATE RULE quiet AS ON INSERT TO {entries} DO INSTEAD NOTHING"),
            format!("DROP RULE quiet ON {entries}"),
            format!("the rule quiet on {entries} is none of the service"),
        ),
        (
            format!("GRANT UPDATE, TRUNCATE ON {entries} TO pts_reader"),
            format!("REVOKE ALL ON {entries} FROM pts_reader"),
            format!("the role pts_reader may TRUNCATE, UPDATE on {entries}"),
        ),
        (
            format!("GRANT UPDATE (reason) ON {entries} TO PUBLIC"),
            format!("REVOKE ALL (reason) ON {entries} FROM PUBLIC"),
            format!("everybody may UPDATE on {entries}"),
        ),
    ] {
        sql(&scene.client, &done).await;
        let found = scene.audit.unguarded().await.unwrap();
        assert!(found.contains(&finding), "{done}: {found:?}");
        sql(&scene.client, &undone).await;
        let left = scene.audit.unguarded().await.unwrap();
        assert_eq!(left, [""; 0], "{undone}");
    }
    // Reading is not changing.
    sql(
        &scene.client,
        &format!("GRANT SELECT ON {entries} TO PUBLIC"),
    )
    .await;
    assert_eq!(scene.audit.unguarded().await.unwrap(), [""; 0]);
    // Last, because nothing brings back what it was, letter by letter.
    let lenient = "CREATE OR REPLACE FUNCTION platform.refuse_change() RETURNS trigger \
         LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(NEW, OLD); END; $$";
    sql(&scene.client, lenient).await;
    let found = scene.audit.unguarded().await.unwrap();
    assert_eq!(
        found,
        ["the function platform.refuse_change() does not refuse"]
    );
    sql(
        &scene.client,
        "DROP FUNCTION platform.refuse_change() CASCADE",
    )
    .await;
    let found = scene.audit.unguarded().await.unwrap();
    assert_eq!(
        found
            .iter()
            .filter(|one| one.ends_with("is missing"))
            .count(),
        6,
        "{found:?}"
    );
}
