#!/bin/sh
# Measures what somebody waits for who types, against lua5.4 -i: repl.sh PROGRAM
set -eu
exec "$1" "$(dirname "$0")/repl.lua" "$1"
