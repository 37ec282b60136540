# shellcheck shell=bash
# Finding the .NET SDK and building with it; sourced by ./run, ./test and ./mailkey.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_CLI_UI_LANGUAGE=en

# dotnet_require ROOT: puts the SDK that global.json asks for on PATH, or says how to get it.
dotnet_require() {
  local wanted candidate found
  wanted=$(sed -n 's/.*"version": *"\([0-9]*\)\..*/\1/p' "$1/global.json")
  for candidate in "$(command -v dotnet || true)" "${DOTNET_ROOT:-/nowhere}/dotnet" /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet "${HOME:-/nowhere}/.dotnet/dotnet"; do
    [ -x "$candidate" ] || continue
    # The SDK says where it is: the command may be a link, or a script of a version manager.
    found=$("$candidate" --list-sdks 2>/dev/null | sed -n "s|^$wanted\..* \[\(.*\)/sdk\]$|\1|p" | tail -n 1)
    if [ -n "$found" ]; then
      DOTNET_ROOT=$found
      export DOTNET_ROOT PATH="$DOTNET_ROOT:$PATH"
      return
    fi
  done
  printf 'error: the .NET SDK %s is not here. Get it from https://dotnet.microsoft.com/download or, in your home folder only:\n' "$wanted" >&2
  printf '  curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel %s.0\n' "$wanted" >&2
  exit 1
}

# dotnet_sources ROOT FOLDER...: a fingerprint of everything below the folders that a build reads
dotnet_sources() {
  local root=$1
  shift
  (
    cd "$root" || exit 1
    printf '%s\n' "$PWD"
    dotnet --version
    find "$@" Directory.Build.props Directory.Packages.props global.json .editorconfig .globalconfig BannedSymbols.txt \
      -type d \( -name bin -o -name obj \) -prune -o -type f -printf '%p %s %T@\n' | LC_ALL=C sort
  ) | sha256sum | cut -d ' ' -f 1
}

# dotnet_run_logged LOG WHAT COMMAND...: runs it silently; when it fails, shows what matters of its output
dotnet_run_logged() {
  local log=$1 what=$2
  shift 2
  # Build servers stay behind with the output they were given: never a pipe that somebody waits for.
  if ! "$@" </dev/null >"$log" 2>&1; then
    grep -E ': (error|fatal)' "$log" | sort -u | head -n 20 >&2 || tail -n 20 "$log" >&2
    printf 'error: %s failed (whole log: %s)\n' "$what" "$log" >&2
    return 1
  fi
}
