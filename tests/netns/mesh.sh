#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whole meshes with real redirection and mutual TLS: routing, security, protocols, and what happens
# when parts of them end. Usage: mesh.sh BINARY_DIR [routing|security|protocols|life...]
if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: $0 needs root to make network namespaces"
    exit 77
fi
exec python3 -B "$(dirname "$(readlink -f "$0")")/mesh/mesh.py" "$(readlink -f "${1:?binary directory}")" "${@:2}"
