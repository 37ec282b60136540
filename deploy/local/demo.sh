# shellcheck shell=bash
# A name server with a sender domain to try things with: signed.test publishes a mailkey, unsigned.test does not. Both are
# names that no one can have (RFC 6761 §6.2). Whatever else is asked goes to the resolvers of this machine.
# Sourced by ./run after infrastructure.sh and services.sh.

# Only for a first look: whoever has named resolvers or written a .env has left that behind.
demo_wanted() { [ ! -e "$1/.env" ] && [ -z "${MAILKEY_CONFIG:-}" ] && [ -z "$(services_setting Dns:Resolvers "$(services_setting Dns:Resolvers:0 '')")" ]; }

demo_port() { cat "$1/.run/demo/port" 2>/dev/null; }

demo_tool() { dotnet "$1/.run/bin/Mailkey.Tool.dll" "${@:2}"; }

# demo_start ROOT
demo_start() {
  local root=$1 dir=$1/.run/demo port record strings resolvers
  if process_of "$dir/pid" >/dev/null; then return; fi
  command -v unbound >/dev/null || infrastructure_packages unbound
  mkdir -p "$dir"
  [ -s "$dir/key.pem" ] || demo_tool "$root" keygen "$dir/key.pem" >/dev/null || infrastructure_fail 'no demo key could be made'
  port=$(port_take "$dir/port" 'the demo name server') || exit 1
  # The record in the form of a zone file, with its name and its quoted strings, is what unbound takes too.
  # It stays the same as long as the key and the program do.
  if [ ! -s "$dir/record" ] || [ ! "$dir/record" -nt "$dir/key.pem" ] || [ ! "$dir/record" -nt "$root/.run/bin/fingerprint" ]; then
    demo_tool "$root" records signed.test --key "demo=$dir/key.pem" --form zone | grep -v '^;' | grep TXT | head -n 1 >"$dir/record"
  fi
  record=$(<"$dir/record")
  [ -n "$record" ] || infrastructure_fail 'no demo record could be made'
  strings=${record#*TXT}
  resolvers=$(sed -n 's/^nameserver[[:space:]]\{1,\}\([0-9a-fA-F.:]*\).*/  forward-addr: \1/p' /etc/resolv.conf 2>/dev/null)
  cat >"$dir/unbound.conf" <<END
server:
  interface: 127.0.0.1
  port: $port
  access-control: 127.0.0.0/8 allow
  directory: "$dir"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "$dir/log"
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." static
  local-data: "test. 60 IN SOA ns.test. postmaster.test. 1 3600 600 86400 60"
  local-data: "signed.test. 60 IN A 127.0.0.1"
  local-data: "unsigned.test. 60 IN A 127.0.0.1"
  local-data: 'mailkey.signed.test. 60 IN TXT$strings'
END
  # Without resolvers of its own the machine has no Internet mail to judge; unbound then asks the root servers in vain.
  [ -z "$resolvers" ] || printf 'forward-zone:\n  name: "."\n%s\n' "$resolvers" >>"$dir/unbound.conf"
  setsid unbound -d -c "$dir/unbound.conf" </dev/null >>"$dir/log" 2>&1 9>&- &
  process_note "$dir/pid" $!
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    ! port_answers "$port" || return 0
    process_of "$dir/pid" >/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$dir/log" >&2
  infrastructure_fail "the demo name server did not start (log: .run/demo/log)"
}

demo_stop() { process_stop "$1/.run/demo/pid" TERM 5; }

# demo_dialogue PORT FROM TO MESSAGE_FILE: one SMTP transaction, both sides of it printed; the code of the last reply decides
demo_dialogue() {
  local port=$1 from=$2 to=$3 file=$4 reply='' command
  exec 4<>"/dev/tcp/127.0.0.1/$port" || return 1
  demo_hear() {
    while IFS= read -r -t 60 reply <&4; do
      reply=${reply%$'\r'}
      printf '  <- %s\n' "$reply"
      [[ $reply =~ ^[0-9]{3}- ]] || return 0
    done
    return 1
  }
  demo_hear
  for command in "EHLO client.signed.test" "MAIL FROM:<$from>" "RCPT TO:<$to>" DATA; do
    printf '  -> %s\n' "$command"
    printf '%s\r\n' "$command" >&4
    demo_hear || return 1
    [[ $reply == [23]* ]] || return 1
  done
  printf '  -> (the message)\n  -> .\n'
  # CRLF line ends and dot-stuffing (RFC 5321 §2.3.8, §4.5.2), in one write
  sed -e 's/\r*$/\r/' -e 's/^\./../' "$file" | { cat; printf '.\r\n'; } >&4
  demo_hear || return 1
  local last=$reply
  printf 'QUIT\r\n' >&4
  exec 4>&-
  [[ $last == 2* ]]
}

# demo_try ROOT honest|forged|unsigned
demo_try() {
  local root=$1 kind=$2 dir=$1/.run/demo from=ann@signed.test to domain port
  port=$(services_setting Smtp:Port 2525)
  domain=$(services_setting Domains:0:Name "${MAILKEY_DOMAINS%%,*}")
  to=bob@$domain
  case $kind in
    honest) echo "A mail of ann@signed.test, signed with the key that mailkey.signed.test publishes." ;;
    forged) echo "A mail that says it is from ann@signed.test, but nobody there has signed it." ;;
    unsigned) from=carol@unsigned.test; echo "A mail of a domain that publishes no mailkey: the policy decides." ;;
    *) infrastructure_fail "try what? honest, forged or unsigned" ;;
  esac
  mkdir -p "$dir"
  printf 'From: <%s>\nTo: <%s>\nSubject: %s\nDate: %s\nMessage-ID: <%s@%s>\nMIME-Version: 1.0\nContent-Type: text/plain\n\nHello Bob!\n' \
    "$from" "$to" "try $kind" "$(LC_ALL=C date '+%a, %d %b %Y %H:%M:%S %z')" "$(infrastructure_secret)" "${from#*@}" >"$dir/$kind.eml"
  if [ "$kind" = honest ]; then
    sed 's/\r*$/\r/' "$dir/$kind.eml" | demo_tool "$root" sign --key "$dir/key.pem" --selector demo --from "$from" --to "$to" >"$dir/signed.eml" ||
      infrastructure_fail 'the message could not be signed'
    mv "$dir/signed.eml" "$dir/$kind.eml"
  fi
  demo_dialogue "$port" "$from" "$to" "$dir/$kind.eml" || true
  echo "Its life:  ./mailkey trace $from --since 10m"
  [ "$kind" = forged ] || echo "Its place: ls $(services_setting DataFolder '')/maildirs/$domain/bob/new"
}
