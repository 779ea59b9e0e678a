//! Whether what makes the audit append-only is there: its triggers and what they call, and nobody's
//! right to more than reading. Read from the catalogue, as the migrations must have left it.

use std::fmt::Write as _;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use pts_ports::StoreError;

use crate::PgPool;
use crate::sql::Sql;

/// The first migration, which makes what the triggers call.
const MADE: &str = include_str!("../../../../migrations/00000000000001_event_log/up.sql");
/// How it begins there.
const REFUSING: &str =
    "CREATE FUNCTION platform.refuse_change() RETURNS trigger\nLANGUAGE plpgsql AS $$";

/// `pg_trigger.tgtype`: before a row is updated or deleted.
const BEFORE_CHANGE: i16 = 1 | 2 | 8 | 16;
/// Before a row is deleted.
const BEFORE_DELETE: i16 = 1 | 2 | 8;
/// Before the table is emptied.
const BEFORE_TRUNCATE: i16 = 2 | 32;

/// The triggers that there are: of which table, and before what.
const TRIGGERS: [(&str, &str, i16); 6] = [
    ("audit_entries", "audit_entries_are_kept", BEFORE_CHANGE),
    (
        "audit_entries",
        "audit_entries_are_not_truncated",
        BEFORE_TRUNCATE,
    ),
    (
        "audit_checkpoints",
        "audit_checkpoints_are_kept",
        BEFORE_CHANGE,
    ),
    (
        "audit_checkpoints",
        "audit_checkpoints_are_not_truncated",
        BEFORE_TRUNCATE,
    ),
    ("audit_end", "audit_end_is_kept", BEFORE_DELETE),
    ("audit_end", "audit_end_is_not_truncated", BEFORE_TRUNCATE),
];

/// Each triggers' own flaw, triggers and rules that are not ours, and rights that nobody should have.
/// What is behind it wants `wanted`, `refusing` and `audited`.
const FLAWS: &str = "
SELECT CASE
    WHEN t.oid IS NULL THEN format('the trigger %s on access.%s is missing', w.name, w.kind)
    WHEN t.tgenabled = 'D' THEN format('the trigger %s on access.%s is switched off', w.name, w.kind)
    WHEN t.tgenabled <> 'A' THEN
        format('the trigger %s on access.%s can be got past (it is not ENABLE ALWAYS)', w.name, w.kind)
    ELSE format('the trigger %s on access.%s is another than it was', w.name, w.kind)
    END AS flaw
FROM wanted AS w
LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgname = w.name AND NOT t.tgisinternal
    AND t.tgrelid = to_regclass('access.' || w.kind)
WHERE t.oid IS NULL OR t.tgenabled <> 'A' OR t.tgtype <> w.type OR t.tgqual IS NOT NULL
    OR t.tgattr::text <> '' OR t.tgnargs <> 0
    OR t.tgfoid IS DISTINCT FROM to_regprocedure('platform.refuse_change()')
UNION ALL
SELECT 'the function platform.refuse_change() does not refuse'
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang, refusing AS r
    WHERE p.oid = to_regprocedure('platform.refuse_change()')
    AND l.lanname = 'plpgsql' AND p.prosrc = r.body)
UNION ALL
SELECT format('the trigger %s on access.%s is none of the service', t.tgname, a.relname)
FROM audited AS a JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = a.oid
WHERE NOT t.tgisinternal
    AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.kind = a.relname AND w.name = t.tgname)
UNION ALL
SELECT format('the rule %s on access.%s is none of the service', w.rulename, a.relname)
FROM audited AS a JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = a.oid
UNION ALL
SELECT format('%s may %s on access.%s', who, string_agg(DISTINCT may, ', ' ORDER BY may), relname)
FROM (
    SELECT relname, may, CASE to_whom WHEN 0 THEN 'everybody'
        ELSE format('the role %s', pg_catalog.pg_get_userbyid(to_whom)) END AS who
    FROM (
        SELECT a.relname, a.relowner, x.grantee AS to_whom, x.privilege_type AS may
        FROM audited AS a, aclexplode(a.relacl) AS x
        UNION ALL
        SELECT a.relname, a.relowner, x.grantee, x.privilege_type
        FROM audited AS a JOIN pg_catalog.pg_attribute AS c ON c.attrelid = a.oid,
            aclexplode(c.attacl) AS x
    ) AS granted
    WHERE to_whom <> relowner
    UNION ALL
    SELECT a.relname, m.may, 'the role pts_reader'
    FROM audited AS a
    CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS m (may)
    JOIN pg_catalog.pg_roles AS r ON r.rolname = 'pts_reader'
    WHERE has_table_privilege(r.oid, a.oid, m.may)
) AS rights
WHERE may IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
GROUP BY who, relname
UNION ALL
SELECT 'the role pts_reader ' || CASE
    WHEN r.oid IS NULL THEN 'is missing'
    WHEN r.rolsuper OR r.rolbypassrls THEN 'is above every guard (SUPERUSER or BYPASSRLS)'
    ELSE 'may take on the role of the owner' END
FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = 'pts_reader'
WHERE r.oid IS NULL OR r.rolsuper OR r.rolbypassrls
    OR EXISTS (SELECT FROM audited AS a WHERE pg_has_role(r.oid, a.relowner, 'MEMBER'))
ORDER BY flaw";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    flaw: String,
}

/// What is missing or other than it must be.
pub(super) async fn missing(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let body = refusing()?;
    let rows: Vec<Row> = pool
        .load(|| {
            let mut wanted = String::from("WITH wanted (kind, name, type) AS (VALUES ");
            for (n, (kind, name, before)) in TRIGGERS.into_iter().enumerate() {
                let comma = if n == 0 { "" } else { ", " };
                let _ = write!(wanted, "{comma}('{kind}', '{name}', {before})");
            }
            wanted.push_str(
                "), audited AS (SELECT c.* FROM pg_catalog.pg_class AS c \
                 WHERE c.oid IN (SELECT to_regclass('access.' || kind) FROM wanted)), \
                 refusing (body) AS (SELECT ",
            );
            Sql::once(wanted)
                .value::<Text, _>(body)
                .sql(") ")
                .sql(FLAWS)
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.flaw).collect())
}

/// What refuses, as the migration has it.
fn refusing() -> Result<&'static str, StoreError> {
    let (_, behind) = MADE.split_once(REFUSING).ok_or_else(unknown)?;
    let (body, _) = behind.split_once("$$").ok_or_else(unknown)?;
    Ok(body)
}

fn unknown() -> StoreError {
    StoreError::Other("the migration does not make platform.refuse_change()".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refuses_is_found_where_it_is_made() {
        assert!(refusing().unwrap().contains("RAISE EXCEPTION"));
    }
}
