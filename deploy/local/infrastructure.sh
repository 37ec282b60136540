#!/usr/bin/env bash
# Private PostgreSQL and RabbitMQ under one folder, on loopback, for ./run, ./test and the benchmark.
# System services are never started, stopped or configured. Several instances may run at the same time.
#
#   infrastructure.sh install                          install PostgreSQL and RabbitMQ from Debian where missing
#   infrastructure.sh start DIR [PG_PORT AMQP_PORT]    start both (ports are chosen and remembered when not given)
#   infrastructure.sh stop DIR                         stop both
#   infrastructure.sh status DIR                       one line for each
#   infrastructure.sh env DIR                          how to reach them, as NAME='value' lines
#   infrastructure.sh remove DIR                       remove a stopped instance with its data
#   infrastructure.sh hold [DIR]                       start both, print the env lines, stop when standard input ends;
#                                                      without DIR in a temporary folder that is removed afterwards
#   infrastructure.sh postgres-start|postgres-stop|postgres-kill DIR [PORT]
#   infrastructure.sh rabbitmq-start|rabbitmq-stop|rabbitmq-kill DIR [PORT]
#   infrastructure.sh rabbitmq-settle DIR              make the declarations of the last half second survive a kill
#   infrastructure.sh rabbitmq-vhost DIR NAME          make a virtual host
#   infrastructure.sh rabbitmq-drop-vhost DIR NAME     remove one
#   infrastructure.sh free-port                        print a loopback port that nobody listens on
#
# MAILKEY_LOCAL_FSYNC=off makes PostgreSQL quicker and a power failure fatal: for tests.
# Sourced, it only defines functions; those for callers begin with process_, port_, infrastructure_, postgres_, rabbitmq_.

# ---- words ------------------------------------------------------------------------------------------------------------

infrastructure_say() { printf '%s\n' "$*" >&2; }
infrastructure_fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Letters and digits, so that a secret needs no quoting in connection strings, URIs and configuration files.
infrastructure_secret() {
  local secret=''
  while [ ${#secret} -lt 32 ]; do
    secret+=$(head -c 64 /dev/urandom | base64 -w 0 | tr -dc 'A-Za-z0-9')
  done
  printf '%s' "${secret:0:32}"
}

# infrastructure_keep FILE COMMAND...: the content of FILE; when there is none, what COMMAND prints, kept with mode 0600.
infrastructure_keep() {
  local file=$1 value
  shift
  if [ ! -s "$file" ]; then
    value=$("$@")
    (umask 077; printf '%s' "$value" >"$file.new" && mv -f "$file.new" "$file")
  fi
  cat "$file"
}

# ---- processes: a number alone does not name a process, since numbers are used again ----------------------------------

# boot id and start time of a process; fails when there is none
process_birth() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  # shellcheck disable=SC2086
  set -- $stat
  [ "$1" != Z ] || return 1
  printf '%s/%s' "$(</proc/sys/kernel/random/boot_id)" "${20}"
}

# process_note FILE PID: remembers a process that was just started
process_note() { printf '%s %s\n' "$2" "$(process_birth "$2" || true)" >"$1"; }

# process_of FILE: the number of the noted process, if it still is that process
process_of() {
  local pid='' birth=''
  { read -r pid birth <"$1"; } 2>/dev/null || return 1
  [ -n "$birth" ] && [ "$(process_birth "$pid")" = "$birth" ] && printf '%s' "$pid"
}

# process_await_end FILE SECONDS
process_await_end() {
  local file=$1 tries=$(($2 * 20))
  while process_of "$file" >/dev/null; do
    [ $((tries--)) -gt 0 ] || return 1
    sleep 0.05
  done
}

# process_stop FILE SIGNAL SECONDS: asks, waits, insists
process_stop() {
  local pid
  if pid=$(process_of "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    if ! process_await_end "$1" "$3"; then
      kill -KILL "$pid" 2>/dev/null || true
      process_await_end "$1" 10 || true
    fi
  fi
  rm -f "$1"
}

# ---- ports --------------------------------------------------------------------------------------------------------------

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port is free a moment after the death of the process that listened on it.
port_closed() {
  local tries=40
  while port_answers "$1"; do
    [ $((tries--)) -gt 0 ] || return 1
    sleep 0.05
  done
}

# port_take FILE WHAT [PORT]: the port asked for, or the one used last time, or any; it is remembered in FILE
port_take() {
  local port=${3:-}
  if [ -n "$port" ]; then
    port_closed "$port" || infrastructure_fail "port $port, wanted for $2, is in use$(port_owner "$port")"
  elif [ -s "$1" ] && port_closed "$(<"$1")"; then
    port=$(<"$1")
  else
    port=$(port_free)
  fi
  printf '%s' "$port" >"$1"
  printf '%s' "$port"
}

# who holds a port, as far as this user may see it
port_owner() {
  command -v ss >/dev/null || return 0
  ss -Htlnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:((\([^)]*\)).*/ (\1)/p' | head -n 1
}

# Below the range that the system takes for outgoing connections, so that none of those can take it meanwhile; and noted for a
# minute, so that nobody else who asks here gets it before it is used.
port_free() {
  local port notes=${TMPDIR:-/tmp}/mailkey-ports-$UID
  if ! mkdir -p "$notes" || [ ! -w "$notes" ]; then infrastructure_fail "cannot write to $notes"; fi
  find "$notes" -type f -mmin +1 -delete 2>/dev/null || true
  while :; do
    port=$((20240 + (RANDOM * 32768 + RANDOM) % 10000))
    (set -o noclobber && : >"$notes/$port") 2>/dev/null || continue
    port_answers "$port" || { printf '%s' "$port"; return; }
  done
}

# ---- packages -----------------------------------------------------------------------------------------------------------

# postgres_bin [VERSION]: where its programs are; without a version, the newest
postgres_bin() {
  local candidate
  if [ -n "${1:-}" ]; then
    for candidate in "/usr/lib/postgresql/$1/bin" /usr/local/pgsql/bin; do
      if [ -x "$candidate/postgres" ] && [[ $("$candidate/postgres" --version) =~ \ $1(\.|$|[a-z]|\ ) ]]; then
        printf '%s' "$candidate"
        return
      fi
    done
    return 1
  fi
  for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr) /usr/local/pgsql/bin; do
    [ ! -x "$candidate/initdb" ] || { printf '%s' "$candidate"; return; }
  done
  candidate=$(command -v initdb) && dirname "$(readlink -f "$candidate")"
}

# The Erlang scripts themselves: those in /usr/sbin change to the system's user and the system's instance.
rabbitmq_script() {
  local candidate
  for candidate in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/*/sbin /opt/rabbitmq/sbin; do
    [ ! -x "$candidate/rabbitmq-server" ] || { printf '%s/rabbitmq-server' "$candidate"; return; }
  done
  return 1
}

# infrastructure_packages PACKAGE...: installs with apt; no service of these packages starts, now or at the next boot.
infrastructure_packages() {
  local as=()
  command -v apt-get >/dev/null || infrastructure_fail "missing: $*. This is no Debian system; install them and try again."
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || infrastructure_fail "missing: $*. Neither root nor sudo is here; as root run: apt-get install -y --no-install-recommends $*"
    if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
      infrastructure_fail "missing: $*. sudo asks for a password and there is no terminal; as root run: apt-get install -y --no-install-recommends $*"
    fi
    as=(sudo)
  fi
  infrastructure_say "installing from Debian: $*"
  local log
  log=$(mktemp "${TMPDIR:-/tmp}/mailkey-install.XXXXXX")
  if ! "${as[@]}" bash -s -- "$@" <<'ROOT' >"$log" 2>&1
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
exec 9>/run/lock/mailkey-install.lock
flock 9
policy=/usr/sbin/policy-rc.d mark='# written by mailkey while it installs packages'
! grep -qsF "$mark" "$policy" || rm -f "$policy"     # left behind by an interrupted run
[ ! -e "$policy.before-mailkey" ] || mv -f "$policy.before-mailkey" "$policy"
restore() { rm -f "$policy"; [ ! -e "$policy.before-mailkey" ] || mv -f "$policy.before-mailkey" "$policy"; }
trap restore EXIT
trap 'exit 130' INT TERM HUP
[ ! -e "$policy" ] || mv -f "$policy" "$policy.before-mailkey"
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"
units=()
for unit in postgresql.service rabbitmq-server.service epmd.socket unbound.service dovecot.service dovecot.socket; do
  [ -e "/lib/systemd/system/$unit" ] || units+=("$unit")
done
apt() { apt-get -o DPkg::Lock::Timeout=600 -yq "$@" </dev/null 9>&-; }
apt install --no-install-recommends "$@" || { apt update; apt install --no-install-recommends "$@"; }
for unit in "${units[@]}"; do
  [ ! -e "/lib/systemd/system/$unit" ] || ! command -v systemctl >/dev/null || systemctl disable --quiet "$unit" || true
done
ROOT
  then
    tail -n 15 "$log" >&2
    infrastructure_fail "apt-get could not install $* (whole log: $log)"
  fi
  rm -f "$log"
}

infrastructure_install() {
  local missing=()
  [ -n "$(postgres_bin)" ] || missing+=(postgresql)
  rabbitmq_script >/dev/null || missing+=(rabbitmq-server)
  [ ${#missing[@]} = 0 ] || infrastructure_packages "${missing[@]}"
}

# ---- PostgreSQL ---------------------------------------------------------------------------------------------------------

# PostgreSQL refuses to run as root; then it runs as the user its package made.
postgres_as() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
  else
    "$@"
  fi
}

# The folder of the data: below DIR, or, when user postgres can't go there (a checkout in /root), below /var/lib.
postgres_data() {
  local dir=$1/postgres place
  if [ -s "$dir/place" ]; then
    cat "$dir/place"
    return
  fi
  mkdir -p "$dir"
  place=$dir/data
  if [ "$(id -u)" = 0 ]; then
    chmod 711 "$1" "$dir"
    if ! postgres_as test -x "$dir" 2>/dev/null; then
      place=/var/lib/mailkey-local/$(printf '%s' "$dir" | sha256sum | cut -c 1-12)
      infrastructure_say "user postgres can't enter $dir; the database is in $place"
      mkdir -p "$place"
      chmod 711 "${place%/*}"
    else
      mkdir -p "$place"
    fi
    chown postgres: "$place"
  else
    mkdir -p "$place"
  fi
  chmod 700 "$place"
  printf '%s' "$place" >"$dir/place"
  printf '%s' "$place"
}

# postgres_start DIR [PORT]
postgres_start() {
  local dir=$1/postgres port bin data password tries
  if process_of "$dir/pid" >/dev/null; then return; fi
  bin=$(postgres_bin)
  [ -n "$bin" ] || infrastructure_fail 'PostgreSQL is not installed (Debian: postgresql)'
  mkdir -p "$dir"
  port=$(port_take "$dir/port" PostgreSQL "${2:-}") || exit 1
  data=$(postgres_data "$1")
  # What a release of the system brings beside it can't read these files.
  local made
  made=$(postgres_as cat "$data/cluster/PG_VERSION" 2>/dev/null) || made=''
  if [ -n "$made" ] && postgres_as test -s "$data/ready"; then
    bin=$(postgres_bin "$made") ||
      infrastructure_fail "the database in $data was made by PostgreSQL $made, which is not installed any more (Debian: postgresql-$made); or bring it to a newer one with pg_upgrade"
  fi
  password=$(infrastructure_keep "$dir/password" infrastructure_secret)
  cd "$data" || return 1
  if ! postgres_as test -s "$data/ready"; then
    # An interrupted initdb leaves a folder that can't be used and holds nothing.
    find "$data" -mindepth 1 -delete
    # The pipe is opened by name, so it must belong to the user that opens it.
    # shellcheck disable=SC2016
    if ! LC_ALL=C postgres_as bash -c 'exec 3<&0; exec "$@" --pwfile=<(cat <&3)' bash \
      "$bin/initdb" --no-sync -D "$data/cluster" -U mailkey -A scram-sha-256 -E UTF8 --locale=C.UTF-8 \
      <<<"$password" >"$dir/initdb.log" 2>&1; then
      tail -n 5 "$dir/initdb.log" >&2
      infrastructure_fail "PostgreSQL: initdb failed (log: $dir/initdb.log)"
    fi
    postgres_as tee "$data/cluster/conf.d.conf" >/dev/null <<'END'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = '64MB'
jit = off
logging_collector = off
log_line_prefix = '%m [%p] %d '
END
    echo "include_if_exists = 'conf.d.conf'" | postgres_as tee -a "$data/cluster/postgresql.conf" >/dev/null
    echo 1 | postgres_as tee "$data/ready" >/dev/null
  fi
  local fsync=${MAILKEY_LOCAL_FSYNC:-on}
  for ((tries = 0; tries < 600; tries++)); do
    if ! process_of "$dir/pid" >/dev/null; then
      if [ "$tries" -gt 0 ] && ! tail -n 3 "$dir/log" | grep -q 'still in use'; then
        tail -n 5 "$dir/log" >&2
        rm -f "$dir/pid"
        infrastructure_fail "PostgreSQL did not start (log: $dir/log)"
      fi
      # A killed server whose parent has not collected it yet still has its number, and its lock file then stops a new one.
      local former=''
      former=$(postgres_as head -n 1 "$data/cluster/postmaster.pid" 2>/dev/null) || true
      [ -z "$former" ] || process_birth "$former" >/dev/null || postgres_as rm -f "$data/cluster/postmaster.pid"
      # Its own session: Ctrl-C at the terminal is for the caller, who then stops it in good order.
      if [ "$(id -u)" = 0 ]; then
        LC_ALL=C setsid setpriv --reuid=postgres --regid=postgres --init-groups -- \
          "$bin/postgres" -D "$data/cluster" -p "$port" -c fsync="$fsync" </dev/null >>"$dir/log" 2>&1 9>&- &
      else
        LC_ALL=C setsid "$bin/postgres" -D "$data/cluster" -p "$port" -c fsync="$fsync" </dev/null >>"$dir/log" 2>&1 9>&- &
      fi
      process_note "$dir/pid" $!
    fi
    ! "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -U mailkey -d postgres || break
    sleep 0.1
  done
  [ "$tries" -lt 600 ] || infrastructure_fail "PostgreSQL is not ready after 60 s (log: $dir/log)"
  if [ ! -e "$dir/database" ]; then
    PGPASSWORD=$password "$bin/psql" -qAt -h 127.0.0.1 -p "$port" -U mailkey -d postgres -v ON_ERROR_STOP=1 \
      <<<"SELECT 'CREATE DATABASE mailkey' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mailkey') \\gexec"
    : >"$dir/database"
  fi
}

# INT: no new connections, open ones are ended, all is written
postgres_stop() { process_stop "$1/postgres/pid" INT 20; }

# As after a failure of power for this server alone; its children notice and end by themselves.
postgres_kill() {
  local pid
  ! pid=$(process_of "$1/postgres/pid") || kill -KILL "$pid"
  process_await_end "$1/postgres/pid" 10
}

postgres_uri() {
  printf 'Host=127.0.0.1;Port=%s;Username=mailkey;Password=%s;Database=mailkey' \
    "$(<"$1/postgres/port")" "$(<"$1/postgres/password")"
}

# ---- RabbitMQ -----------------------------------------------------------------------------------------------------------

# rabbitmq_start DIR [PORT]
rabbitmq_start() {
  rabbitmq_begin "$@"
  rabbitmq_await "$1"
}

# rabbitmq_begin DIR [PORT]: its process, its port and its password; it takes connections some seconds later
rabbitmq_begin() {
  local dir=$1/rabbitmq port script password distribution mapper tries
  if process_of "$dir/pid" >/dev/null; then return; fi
  script=$(rabbitmq_script) || infrastructure_fail 'RabbitMQ is not installed (Debian: rabbitmq-server)'
  mkdir -p "$dir/home" "$dir/log"
  chmod 700 "$dir"
  port=$(port_take "$dir/port" RabbitMQ "${2:-}") || exit 1
  password=$(infrastructure_keep "$dir/password" infrastructure_secret)
  infrastructure_keep "$dir/home/.erlang.cookie" infrastructure_secret >/dev/null
  chmod 400 "$dir/home/.erlang.cookie"
  # In Erlang's own terms: rabbitmq.conf the server would first have to translate, by schemas that it reads at each start.
  cat >"$dir/advanced.config" <<END
[{rabbit, [
   {tcp_listeners, [{"127.0.0.1", $port}]},
   {default_user, <<"mailkey">>},
   {default_pass, <<"$password">>},
   {default_vhost, <<"/">>},
   {default_user_tags, [administrator]},
   {loopback_users, [<<"mailkey">>]},
   {log, [{file, [{file, "rabbitmq.log"}, {level, info}]}, {console, [{enabled, false}]}]},
   {disk_free_limit, "64MB"},
   {collect_statistics_interval, 60000}]},
 {ra, [{wal_max_size_bytes, 67108864}]}].
END
  rm -f "$dir/rabbitmq.conf"
  : >"$dir/rabbitmq-env.conf"
  echo '[].' >"$dir/enabled_plugins"
  # The server loads every module of the applications it depends on, one after the other, and each time the emulator copies its
  # table of functions. Loaded all at once, before anything else, that takes half of the time. What is missed here is loaded later.
  cat >"$dir/preload" <<'END'
Read = fun(Application) ->
  case code:where_is_file(atom_to_list(Application) ++ ".app") of
    non_existing -> [];
    File -> case file:consult(File) of {ok, [{application, _, Keys}]} -> Keys; _ -> [] end
  end
end,
Collect = fun Collect(Application, Known) when is_map_key(Application, Known) -> Known;
              Collect(Application, Known) ->
  Keys = Read(Application),
  lists:foldl(Collect, Known#{Application => proplists:get_value(modules, Keys, [])}, proplists:get_value(applications, Keys, []))
end,
code:ensure_modules_loaded(lists:append(maps:values(Collect(rabbit, #{})))).
END

  # Erlang's port mapper: one of our own, so that neither the system's is used nor ours outlives us.
  if ! process_of "$dir/epmd.pid" >/dev/null; then
    mapper=$(port_free)
    printf '%s' "$mapper" >"$dir/epmd.port"
    HOME=$dir/home ERL_EPMD_PORT=$mapper setsid epmd -port "$mapper" -address 127.0.0.1 </dev/null >>"$dir/log/epmd.log" 2>&1 9>&- &
    process_note "$dir/epmd.pid" $!
    for ((tries = 0; tries < 100; tries++)); do
      ! port_answers "$mapper" || break
      sleep 0.05
    done
  fi
  mapper=$(<"$dir/epmd.port")
  distribution=$(port_free)
  printf '%s' "$distribution" >"$dir/distribution.port"
  (
    cd "$dir/home" || exit 1
    # Where it believes itself under systemd the script becomes the server instead of waiting for it, so the number is the server's.
    exec env -u RABBITMQ_ENV_LOADED -u NOTIFY_SOCKET HOME="$dir/home" LC_ALL=C.UTF-8 RUNNING_UNDER_SYSTEMD=true ERL_EPMD_PORT="$mapper" \
      ERL_EPMD_ADDRESS=127.0.0.1 ERL_CRASH_DUMP="$dir/log/erl_crash.dump" \
      RABBITMQ_NODENAME=mailkey@localhost RABBITMQ_DIST_PORT="$distribution" \
      RABBITMQ_CONF_ENV_FILE="$dir/rabbitmq-env.conf" RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_CONFIG_FILES="$dir/conf.d" \
      RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" \
      RABBITMQ_GENERATED_CONFIG_DIR="$dir/generated" RABBITMQ_SCHEMA_DIR="$dir/schema" \
      RABBITMQ_BASE="$dir" RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/log" RABBITMQ_PID_FILE="$dir/server.pid" \
      ERL_AFLAGS="-eval 'catch(file:eval(\"../preload\")).'" \
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2" \
      setsid "$script" </dev/null >>"$dir/log/console.log" 2>&1 9>&-
  ) &
  process_note "$dir/pid" $!
}

# rabbitmq_await DIR: until it takes connections
rabbitmq_await() {
  local dir=$1/rabbitmq port tries
  port=$(<"$dir/port")
  for ((tries = 0; tries < 900; tries++)); do
    ! rabbitmq_answers "$port" || return 0
    if ! process_of "$dir/pid" >/dev/null; then
      tail -n 15 "$dir/log/console.log" >&2
      infrastructure_fail "RabbitMQ did not start (logs: $dir/log)"
    fi
    sleep 0.1
  done
  infrastructure_fail "RabbitMQ is not ready after 90 s (logs: $dir/log)"
}

# The broker opens the port last; it is up when it greets an AMQP 0-9-1 protocol header with a method frame (type 1).
rabbitmq_answers() {
  local first
  first=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'AMQP\0\0\11\1' >&3 && head -c 1 <&3 | od -An -tu1) 2>/dev/null)
  [ "${first// /}" = 1 ]
}

rabbitmq_stop() {
  process_stop "$1/rabbitmq/pid" TERM 30
  process_stop "$1/rabbitmq/epmd.pid" TERM 5
}

rabbitmq_kill() {
  local pid
  ! pid=$(process_of "$1/rabbitmq/pid") || kill -KILL "$pid"
  process_await_end "$1/rabbitmq/pid" 10
}

# A quorum queue finds its log through a table that RabbitMQ writes half a second after the queue was declared; killed
# before that, it comes back with an empty log and without a leader. This writes the table now.
rabbitmq_settle() { rabbitmq_evaluate "$1" >/dev/null <<<'[dets:sync(T) || T <- dets:all()].'; }

rabbitmq_uri() {
  printf 'amqp://mailkey:%s@127.0.0.1:%s/' "$(<"$1/rabbitmq/password")" "$(<"$1/rabbitmq/port")"
}

# rabbitmq_evaluate DIR: evaluates the Erlang on standard input in the server. One at a time: every erl_call bears the same
# node name, and the server refuses a second node of a name.
rabbitmq_evaluate() {
  HOME=$1/rabbitmq/home ERL_EPMD_PORT=$(<"$1/rabbitmq/epmd.port") \
    flock "$1/rabbitmq/evaluate.lock" erl_call -sname mailkey@localhost -timeout 30 -e
}

rabbitmq_vhost() {
  local answer
  [[ $2 =~ ^[A-Za-z0-9_.-]+$ ]] || infrastructure_fail "not a name for a virtual host: $2"
  answer=$(rabbitmq_evaluate "$1" <<END
V = <<"$2">>, U = <<"mailkey">>,
case rabbit_vhost:exists(V) of true -> ok; false -> rabbit_vhost:add(V, U) end,
rabbit_auth_backend_internal:set_permissions(U, V, <<".*">>, <<".*">>, <<".*">>, U).
END
  )
  [[ $answer == *ok* ]] || infrastructure_fail "RabbitMQ did not make the virtual host $2: $answer"
}

rabbitmq_drop_vhost() {
  [[ $2 =~ ^[A-Za-z0-9_.-]+$ ]] || infrastructure_fail "not a name for a virtual host: $2"
  rabbitmq_evaluate "$1" >/dev/null <<<"rabbit_vhost:delete(<<\"$2\">>, <<\"mailkey\">>)."
}

# ---- both ---------------------------------------------------------------------------------------------------------------

# infrastructure_start DIR [PG_PORT AMQP_PORT]
infrastructure_start() {
  local first second failed=0
  mkdir -p "$1"
  (postgres_start "$1" "${2:-}") & first=$!
  (rabbitmq_start "$1" "${3:-}") & second=$!
  wait "$first" || failed=1
  wait "$second" || failed=1
  if [ "$failed" = 1 ]; then
    infrastructure_stop "$1"
    return 1
  fi
}

infrastructure_stop() {
  local first
  rabbitmq_stop "$1" & first=$!
  postgres_stop "$1"
  wait "$first" || true
}

infrastructure_status() {
  local what pid
  for what in postgres rabbitmq; do
    if pid=$(process_of "$1/$what/pid"); then
      printf '%-10s running  process %s, 127.0.0.1:%s\n' "$what" "$pid" "$(<"$1/$what/port")"
    else
      printf '%-10s stopped\n' "$what"
    fi
  done
}

infrastructure_env() {
  printf "MAILKEY_TEST_INFRASTRUCTURE='%s'\n" "$1"
  printf "MAILKEY_TEST_POSTGRES='%s'\n" "$(postgres_uri "$1")"
  printf "MAILKEY_TEST_RABBITMQ='%s'\n" "$(rabbitmq_uri "$1")"
}

# Data of a stopped instance, wherever they are
infrastructure_remove() {
  local place
  place=$(cat "$1/postgres/place" 2>/dev/null || true)
  [ -z "$place" ] || rm -rf --one-file-system "$place"
  rm -rf --one-file-system "$1"
}

infrastructure_hold() {
  local dir=${1:-} temporary=''
  export MAILKEY_LOCAL_FSYNC=${MAILKEY_LOCAL_FSYNC:-off}
  if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/mailkey-local.XXXXXX")
    temporary=1
  fi
  # shellcheck disable=SC2064
  trap "infrastructure_stop '$dir'; [ -z '$temporary' ] || infrastructure_remove '$dir'" EXIT
  trap 'exit 130' INT TERM HUP
  infrastructure_start "$dir"
  infrastructure_env "$dir"
  echo ready
  exec 1>&-
  # Whoever started this holds the other end; it closes when that process ends, however it ends.
  while read -r _; do :; done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -Eeuo pipefail
  export PATH="$PATH:/usr/sbin:/sbin"
  command=${1:-}
  dir=${2:-}
  [ -z "$dir" ] || { mkdir -p "$dir"; dir=$(cd "$dir" && pwd); }
  case $command in
    install) infrastructure_install ;;
    hold) infrastructure_hold "$dir" ;;
    free-port) port_free; echo ;;
    start | stop | status | env | remove | *-*)
      [ -n "$dir" ] || infrastructure_fail "$command needs a folder"
      case $command in
        start) infrastructure_start "$dir" "${3:-}" "${4:-}" ;;
        stop | status | env | remove) "infrastructure_$command" "$dir" ;;
        postgres-start | postgres-stop | postgres-kill | rabbitmq-start | rabbitmq-stop | rabbitmq-kill | rabbitmq-settle)
          "${command//-/_}" "$dir" "${3:-}" ;;
        rabbitmq-vhost | rabbitmq-drop-vhost) "${command//-/_}" "$dir" "${3:?a name is needed}" ;;
        *) infrastructure_fail "unknown command: $command" ;;
      esac ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; [ "$command" = --help ] || [ "$command" = help ] || exit 2 ;;
  esac
fi
