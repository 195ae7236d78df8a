#!/bin/sh
# Builds the validation suite of opencontainers/runtime-tools: build.sh DIR
#
# All of it comes from Debian: the sources from the source package (its original archive has the
# suite in it and the root file system that its containers run in), the compiler and the libraries as
# packages (tests/packages.sh conformance). Only the tiny TAP library is not there: tap/ is ours.
# A suite that is already in DIR is left as it is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
package=golang-github-opencontainers-runtime-tools
suite=$dir/src/github.com/opencontainers/runtime-tools
[ ! -e "$dir/complete" ] || exit 0

# Asks apt for sources without a change to the machine's own settings: lists of our own, signed by
# Debian as ever, from the mirror that the machine uses.
fetch() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir "$scratch/lists" "$scratch/cache" "$scratch/sources" "$scratch/package"
  # shellcheck disable=SC2016 # apt's own word.
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
  for release in trixie bookworm; do
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
      "${mirror:-http://deb.debian.org/debian}" $release /usr/share/keyrings/debian-archive-keyring.gpg
  done >"$scratch/sources/debian.sources"
  cat >"$scratch/apt.conf" <<CONF
Dir::State::Lists "$scratch/lists";
Dir::Cache "$scratch/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$scratch/sources";
APT::Sandbox::User "root";
CONF
  export APT_CONFIG="$scratch/apt.conf"
  apt-get update -qq
  cd "$scratch/package"
  for version in $(apt-cache showsrc $package | sed -n 's/^Version: //p' | sort -rV | uniq); do
    # A mirror may lack the description of the package; the archive that we want is checked by itself.
    apt-get source -qq --download-only "$package=$version" >apt.log 2>&1 || true
    for archive in "$package"_*.orig.tar.*; do
      if [ -e "$archive" ]; then return; fi
    done
  done
  cat apt.log >&2
  echo "conformance: no archive of $package could be fetched" >&2
  exit 1
}

fetch
rm -rf "$dir/src"
mkdir -p "$suite" "$dir/src/github.com/mndrix/tap-go"
tar -C "$suite" --strip-components=1 -xf "$archive"
cp "$here/tap/tap.go" "$dir/src/github.com/mndrix/tap-go/"
unset APT_CONFIG
cd "$suite"
export GO111MODULE=off GOFLAGS=-p=2 GOPATH="$dir:/usr/share/gocode" GOCACHE="$dir/cache"
if ! make runtimetest validation-executables >"$dir/build.log" 2>&1; then
  tail -n 20 "$dir/build.log" >&2
  exit 1
fi
rm -rf "$dir/cache"
echo "conformance: built $(find validation -name '*.t' | wc -l) programs from $archive" >&2
touch "$dir/complete"
