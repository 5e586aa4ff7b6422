#!/usr/bin/env bash
# Throwaway database servers for the tests, on loopback and in temporary folders; they keep nothing.
#   servers.sh start ENGINE        the shared server of an engine (postgres, mariadb), started when it is not running; prints how to reach it
#   servers.sh private ENGINE DIR  one of a test's own, which it may stop as it likes: ENGINE-stop DIR, ENGINE-again DIR
#   servers.sh stop                ends the shared ones
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/tools.sh
shared="$cache/servers"

# Both servers refuse to run as root.
as_owner() {
  local owner="$1"; shift
  if [ "$(id -u)" = 0 ]; then runuser -u "$owner" -- "$@"; else "$@"; fi
}

owned() {
  mkdir -p "$2"; chmod 755 "$2"
  if [ "$(id -u)" = 0 ]; then chown -R "$1" "$2"; fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# certificate DIR: an authority of its own, and a certificate for localhost under it.
certificate() {
  local dir="$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=test authority" \
    -keyout "$dir/ca-key.pem" -out "$dir/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
    -keyout "$dir/key.pem" -out "$dir/request.pem" 2>/dev/null
  openssl x509 -req -in "$dir/request.pem" -CA "$dir/ca.pem" -CAkey "$dir/ca-key.pem" -CAcreateserial -days 30 \
    -extfile <(printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n') -out "$dir/certificate.pem" 2>/dev/null
  chmod 644 "$dir"/*.pem
  chmod 600 "$dir/key.pem" "$dir/ca-key.pem"
}

write_env() {
  printf 'dir=%s\nport=%s\nsocket=%s\nuser=tributary_admin\npassword=admin-of-the-tests\nca=%s\n' "$1" "$2" "$3" "$1/tls/ca.pem" >"$1/env"
  chmod 644 "$1/env"
}

postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }

postgres_tools() {
  need openssl openssl
  [ -n "$(postgres_bin)" ] || need postgresql psql
  [ -n "$(postgres_bin)" ] || { echo "PostgreSQL's server is missing and could not be installed" >&2; exit 1; }
}

postgres_start() {
  as_owner postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 start >/dev/null
}

postgres_new() {
  local dir="$1" port; port="$(free_port)"
  mkdir -p "$dir/tls"; certificate "$dir/tls"; owned postgres "$dir"
  printf 'admin-of-the-tests' >"$dir/password"; owned postgres "$dir"
  as_owner postgres "$(postgres_bin)/initdb" -D "$dir/data" -U tributary_admin --pwfile="$dir/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
fsync = off
full_page_writes = off
max_wal_size = '4GB'
max_connections = 100
shared_buffers = '64MB'
ssl = on
ssl_cert_file = '$dir/tls/certificate.pem'
ssl_key_file = '$dir/tls/key.pem'
CONF
  postgres_start "$dir"
  write_env "$dir" "$port" "$dir"
}

postgres_stop() { as_owner postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null; }
postgres_alive() { "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$1"; }

mariadb_tools() {
  need openssl openssl
  need mariadb-server mariadbd
}

mariadb_start() {
  local dir="$1" port owner=(); port="$(cat "$dir/port")"
  if [ "$(id -u)" = 0 ]; then owner=(runuser -u mysql --); fi
  # It outlives this script and whoever called it, and must hold nothing of theirs open.
  (exec setsid "${owner[@]}" mariadbd --no-defaults --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 \
    --socket="$dir/socket" --pid-file="$dir/pid" --log-error="$dir/log" --tmpdir="$dir/tmp" \
    --ssl-ca="$dir/tls/ca.pem" --ssl-cert="$dir/tls/certificate.pem" --ssl-key="$dir/tls/key.pem" \
    --max-allowed-packet="$(cat "$dir/packet")" --innodb-flush-log-at-trx-commit=0 --skip-log-bin \
    --innodb-buffer-pool-size=128M --innodb-log-file-size=512M --max-connections=100 --character-set-server=utf8mb4 \
    </dev/null >/dev/null 2>&1 9>&-) &
  for _ in $(seq 1 600); do
    if [ -S "$dir/socket" ] && mariadb --no-defaults -h localhost -S "$dir/socket" -uroot -e 'SELECT 1' >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "MariaDB did not start: see $dir/log" >&2; exit 1
}

mariadb_new() {
  local dir="$1" port; port="$(free_port)"
  mkdir -p "$dir/tls" "$dir/tmp"; certificate "$dir/tls"
  echo "$port" >"$dir/port"; echo "${TRIBUTARY_TEST_PACKET:-1G}" >"$dir/packet"
  owned mysql "$dir"
  as_owner mysql mariadb-install-db --no-defaults --datadir="$dir/data" --skip-test-db \
    --auth-root-authentication-method=normal >/dev/null 2>&1
  mariadb_start "$dir"
  mariadb --no-defaults -uroot -S "$dir/socket" -e "CREATE USER tributary_admin@'%' IDENTIFIED BY 'admin-of-the-tests'; \
    GRANT ALL ON *.* TO tributary_admin@'%' WITH GRANT OPTION; DROP USER IF EXISTS ''@localhost, ''@'$(hostname)';"
  write_env "$dir" "$port" "$dir/socket"
}

mariadb_stop() {
  local pid; pid="$(cat "$1/pid" 2>/dev/null || true)"
  [ -n "$pid" ] || return 0
  kill -9 "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  rm -f "$1/pid" "$1/socket"
}
mariadb_alive() { mariadb-admin --no-defaults --connect-timeout=2 -h 127.0.0.1 -P "$1" -utributary_admin -padmin-of-the-tests ping >/dev/null 2>&1; }

port_of() { sed -n 's/^port=//p' "$1/env"; }

case "${1:-}" in
  start)
    engine="$2"; mkdir -p "$shared"
    exec 9>"$shared/$engine.lock"
    flock 9
    dir="$(cat "$shared/$engine" 2>/dev/null || true)"
    if [ -z "$dir" ] || [ ! -f "$dir/env" ] || ! "${engine}_alive" "$(port_of "$dir")" 2>/dev/null; then
      "${engine}_tools" >&2
      # mktemp puts something unique in place of the X's.
      dir="$(mktemp -d "${TMPDIR:-/tmp}/tributary-$engine.XXXXXX")"
      # The lock belongs to this script, not to the server that outlives it.
      "${engine}_new" "$dir" 9>&-
      echo "$dir" >"$shared/$engine"
    fi
    cat "$dir/env" ;;
  private)
    "$2_tools" >&2
    mkdir -p "$3"
    "$2_new" "$3"
    cat "$3/env" ;;
  postgres-stop|mariadb-stop) "${1%-stop}_stop" "$2" ;;
  postgres-again|mariadb-again) "${1%-again}_start" "$2" ;;
  stop)
    for engine in postgres mariadb; do
      dir="$(cat "$shared/$engine" 2>/dev/null || true)"
      [ -n "$dir" ] || continue
      "${engine}_stop" "$dir" 2>/dev/null || true
      rm -rf "$dir" "${shared:?}/$engine"
    done ;;
  *) echo "usage: tests/servers.sh start ENGINE | private ENGINE DIR | stop" >&2; exit 2 ;;
esac
