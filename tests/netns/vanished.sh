#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The host of an endpoint vanishes: no FIN, no RST, no acknowledgement. Packets on loopback are
# dropped in a network namespace of this test's own. Usage: vanished.sh BINARY_DIR
if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: $0 needs root to make a network namespace"
    exit 77
fi
exec unshare --net python3 -B "$(dirname "$(readlink -f "$0")")/mesh/vanished.py" "$(readlink -f "${1:?binary directory}")"
