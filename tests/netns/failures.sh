#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A mesh whose parts fail: controller, proxies, certificates; and the names of a StatefulSet.
# Usage: failures.sh BINARY_DIR
if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: $0 needs root to make network namespaces"
    exit 77
fi
exec python3 -B "$(dirname "$(readlink -f "$0")")/mesh/failures.py" "$(readlink -f "${1:?binary directory}")"
