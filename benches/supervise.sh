#!/bin/sh
# Measures a supervised system call against a supervisor in C: supervise.sh PROGRAM
set -eu
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-cc} -O2 -static -o "$dir/helper" "$here/supervise.c"
"$1" "$here/supervise.lua" "$dir/helper"
