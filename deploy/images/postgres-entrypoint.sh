#!/bin/sh
# First start: make the cluster, the user and the database; then be PostgreSQL.
# The subset of the official image's behaviour that this project relies on:
#   POSTGRES_PASSWORD | POSTGRES_PASSWORD_FILE, POSTGRES_USER, POSTGRES_DB,
#   POSTGRES_HOST_AUTH_METHOD, POSTGRES_INITDB_ARGS, `-c key=value` as the command,
#   and "ready to accept connections" logged twice on the first start, once afterwards.
set -eu

case "${1:-}" in '' | -*) set -- postgres "$@" ;; esac
if [ "$1" != postgres ]; then
    exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

initialise() {
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    password=${POSTGRES_PASSWORD:-}
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        password=$(cat "$POSTGRES_PASSWORD_FILE")
    fi
    if [ -z "$password" ] && [ "$method" != trust ]; then
        echo 'POSTGRES_PASSWORD is empty: set it, or POSTGRES_HOST_AUTH_METHOD=trust for a throw-away database' >&2
        exit 1
    fi

    # A directory that an interrupted start left half made is refused by initdb, never emptied here.
    set -- --username="$user" --auth-local=trust --auth-host="$method"
    if [ -n "$password" ]; then
        set -- "$@" --pwfile=/dev/stdin
    fi
    # shellcheck disable=SC2086 # POSTGRES_INITDB_ARGS is a list of words by contract
    printf '%s\n' "$password" | initdb "$@" ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    # The first server has no TCP port: nobody connects before the database exists.
    pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses=''" start
    if [ "$database" != postgres ]; then
        psql --no-psqlrc --quiet --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 \
            --set=name="$database" <<'SQL'
CREATE DATABASE :"name";
SQL
    fi
    pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    (initialise)
    unset POSTGRES_PASSWORD
fi
exec "$@"
