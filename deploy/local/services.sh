# shellcheck shell=bash
# Building the services once and the environment they run in; sourced by ./run and ./mailkey after infrastructure.sh.

services_names='agreements bounces delivery ingress journal status verifier'

# The program of a service, started without the dotnet command, so that a list of processes names it
services_program() { printf '%s/.run/bin/Mailkey.%s' "$1" "${2^}"; }

# services_gather ROOT FOLDER CACHE: what was built for release, in one folder, compiled ahead
services_gather() {
  local root=$1 to=$2 cache=$3 name from file
  rm -rf "$to"
  mkdir -p "$to" "$cache/from"
  for name in $services_names tool; do
    if [ "$name" = tool ]; then from=$root/tools/mailkey; else from=$root/services/$name; fi
    cp -a "$from/bin/Release/net10.0/." "$to/"
  done
  # Compiled anew is what has changed, and not only what is younger: the files of a package are as old as the package.
  for file in "$to"/*.dll; do
    cmp -s "$file" "$cache/from/${file##*/}" || { rm -f "$cache/${file##*/}"; cp "$file" "$cache/from/"; }
  done
  if dotnet_run_logged "$root/.run/ahead.log" 'compiling ahead' \
    dotnet msbuild "$root/deploy/local/Ahead.csproj" -restore -t:CompileAhead -v:q -p:From="$to/" -p:To="$cache/"; then
    for file in "$cache"/*.dll; do [ ! -e "$to/${file##*/}" ] || cp -a "$file" "$to/"; done
  else
    infrastructure_say 'It works without; each start takes longer.'
  fi
}

# services_build ROOT: Release programs in .run/bin, made again only when their sources changed. They share one folder, and so
# the memory that holds their libraries.
services_build() {
  local root=$1 bin=$1/.run/bin fingerprint
  mkdir -p "$root/.run"
  exec 8>"$root/.run/build.lock"
  flock 8
  fingerprint=$(dotnet_sources "$root" libs services tools deploy/local)
  if [ "$fingerprint" != "$(cat "$bin/fingerprint" 2>/dev/null)" ]; then
    infrastructure_say 'building (once)'
    dotnet_run_logged "$root/.run/build.log" 'the build' \
      dotnet build "$root/deploy/local/Services.slnf" -c Release -v q -clp:NoSummary -p:RunAnalyzers=false 8>&- || exit 1
    infrastructure_say 'compiling for this machine (once)'
    services_gather "$root" "$bin.new" "$root/.run/ahead" 8>&-
    printf '%s' "$fingerprint" >"$bin.new/fingerprint"
    # A program that runs keeps its files: they are replaced, not written over.
    rm -rf "$bin"
    mv "$bin.new" "$bin"
  fi
  exec 8>&-
}

# services_read_env FILE: NAME=value lines as Compose reads them; what the environment has already, wins
services_read_env() {
  local line name value number=0
  [ -e "$1" ] || return 0
  [ -r "$1" ] || infrastructure_fail "$1 can't be read"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ ! $line =~ ^[[:space:]]*(#|$) ]] || continue
    line=${line#export }
    [[ $line =~ ^[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || infrastructure_fail "$1, line $number: not NAME=value: $line"
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    if [[ $value =~ ^\'(.*)\'[[:space:]]*$ ]] || [[ $value =~ ^\"(.*)\"[[:space:]]*$ ]]; then
      value=${BASH_REMATCH[1]}
    fi
    [ -n "${!name+set}" ] || export "$name=$value"
  done <"$1"
}

# services_setting Smtp:Port DEFAULT: a key as the services will see it: the long name of the environment wins over the short
services_setting() {
  local long=Mailkey__${1//:/__} short
  short=MAILKEY_${1//:/_}
  short=${short^^}
  printf '%s' "${!long:-${!short:-$2}}"
}

# services_in_file NAME: whether the file of MAILKEY_CONFIG has that name in it. The environment wins over the file, so nothing of that name
# may be put there on our own account.
services_in_file() { [ -n "${MAILKEY_CONFIG:-}" ] && grep -qiE "\"([a-z0-9]+(:|__))*$1((:|__)[^\"]*)?\"[[:space:]]*:" "$MAILKEY_CONFIG" 2>/dev/null; }

# services_default NAME DEFAULT: the default, or that the file has something of that name to say
services_default() { if services_in_file "$1"; then printf 'as configured'; else printf '%s' "$2"; fi; }

# Who answers for the database and the broker: ./run starts private ones only where nothing else is named
services_own_postgres() { [ -n "${services_private_postgres:-}" ] || { [ -z "$(services_setting Postgres:ConnectionString '')" ] && ! services_in_file Postgres; }; }
services_own_rabbitmq() { [ -n "${services_private_rabbitmq:-}" ] || { [ -z "$(services_setting RabbitMq:Uri '')" ] && ! services_in_file RabbitMq; }; }

# services_environment ROOT: exports the configuration that ./run and ./mailkey share
services_environment() {
  local private=$1/.run/infrastructure
  services_read_env "$1/.env"
  [ -n "$(services_setting Domains:0:Name '')" ] || services_in_file Domains || export MAILKEY_DOMAINS=${MAILKEY_DOMAINS:-example.test}
  services_in_file Hostname || export MAILKEY_HOSTNAME=${MAILKEY_HOSTNAME:-mx.example.test}
  services_in_file DataFolder || export MAILKEY_DATAFOLDER=${MAILKEY_DATAFOLDER:-$1/.run/data}
  if services_own_postgres; then
    services_private_postgres=1
    [ ! -s "$private/postgres/password" ] || MAILKEY_POSTGRES_CONNECTIONSTRING=$(postgres_uri "$private")
    export MAILKEY_POSTGRES_CONNECTIONSTRING
  fi
  if services_own_rabbitmq; then
    services_private_rabbitmq=1
    [ ! -s "$private/rabbitmq/password" ] || MAILKEY_RABBITMQ_URI=$(rabbitmq_uri "$private")
    export MAILKEY_RABBITMQ_URI
  fi
}
