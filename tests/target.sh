#!/bin/sh
# Prints where cargo builds for this machine below a target directory: target.sh DIRECTORY
#
# The target is named in .cargo/config.toml and by cargo-fuzz, so what is built lies in a directory of
# its name.
set -eu
echo "$1/$(rustc -vV | sed -n 's/^host: //p')"
