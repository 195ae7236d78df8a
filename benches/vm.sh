#!/bin/sh
# Measures the OCI runtime against crun and runc on the other kind of machine, with cgroup v2 alone, in a
# guest (tests/vm/run.sh): vm.sh PROGRAM [PART…], as root. Parts are those of oci.lua; `run` alone without.
#
# Under emulation a system call costs 15 to 20 times as much, and the instructions between them 3 to 14
# times: the numbers of calls beside the times say more than the times do. TIGHT and SPACED are the turns.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(readlink -f "$1")
shift
export TIGHT="${TIGHT:-30}" SPACED="${SPACED:-15}"
exec "$here/../tests/vm/run.sh" --seconds 3000 --name bench -- "$here/oci.sh" "$program" "${@:-run}"
