# SPDX-License-Identifier: Apache-2.0
# Sourced by the rig's scripts: where things are, what the cluster's addresses are, small helpers.
# Everything is computed from the script's own folder and two environment variables.
RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${WEFT_RIG_STATE:-/var/tmp/weft-rig}    # what a running node writes; wiped by each `up`
CACHE=${WEFT_RIG_CACHE:-$STATE/cache}         # what `build` makes; kept
BIN=$CACHE/bin
IMAGES=$CACHE/images
NODE=$STATE/node                              # seen inside the sandbox as /srv
KUBECONFIG_FILE=$NODE/pki/admin.conf

# These exist only inside the node's network namespace.
NODE_IP=172.30.0.1
NODE_CIDR=172.30.0.0/24
POD_CIDR=10.244.0.0/16
POD_RANGE=10.244.0.0/24                       # the one node's part of it
SERVICE_CIDR=10.96.0.0/16
API_IP=10.96.0.1
DNS_IP=10.96.0.10
NODE_IP6=fd00:172:30::1
POD_CIDR6=fd00:10:244::/56
POD_RANGE6=fd00:10:244::/64                   # the one node's part of it
SERVICE_CIDR6=fd00:10:96::/112
API_IP6=fd00:10:96::1
FAMILIES=${WEFT_RIG_FAMILIES:-ipv4}           # dual: IPv4 first; dual6: IPv6 first
CGROUP=weft-rig-$(printf %s "$STATE" | cksum | cut -d' ' -f1)   # every cgroup the node makes is under this one

PATH=/usr/sbin:/sbin:$PATH

die() { echo "cluster: $*" >&2; exit 1; }

# families V4 V6: what of the two this cluster has, the first family first.
families() {
    case $FAMILIES in
    ipv4) echo "$1" ;;
    dual) echo "$1,$2" ;;
    dual6) echo "$2,$1" ;;
    *) die "WEFT_RIG_FAMILIES is \"$FAMILIES\"; it must be ipv4, dual or dual6" ;;
    esac
}

# need COMMAND PACKAGE: the command (or file), from Debian's package where it is missing.
need() {
    command -v "$1" >/dev/null && return
    [ ! -e "$1" ] || return 0
    local log=$CACHE/log/apt.log
    mkdir -p "$CACHE/log"
    [ -n "${apt_updated:-}" ] || { apt-get update >>"$log" 2>&1 || die "apt-get update failed: $log"; apt_updated=1; }
    # RUNLEVEL keeps a package from starting its service
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2" >>"$log" 2>&1 || die "cannot install $2: $log"
}

# module_dir DIR MODULE: where Go keeps a module that DIR's go.mod requires.
module_dir() { (cd "$1" && "$(suite_go)" list -m -f '{{.Dir}}' "$2"); }

# suite_go: a Go that is new enough for the suite. The machine's own is used where it can be; the
# toolchain is never switched silently (GOTOOLCHAIN=local).
suite_go() {
    if [ -x "$CACHE/go/go/bin/go" ]; then echo "$CACHE/go/go/bin/go"; else command -v go; fi
}

# node_pid: the pid, out here, of the running node's first process; fails when there is none.
# The start time guards against a pid that was handed out again.
node_pid() {
    local pid start
    { read -r pid start <"$STATE/pid"; } 2>/dev/null || return 1
    [ "$(awk '{print $22}' "/proc/$pid/stat" 2>/dev/null)" = "$start" ] || return 1
    echo "$pid"
}

# in_node CMD…: run inside the node's namespaces.
in_node() {
    local pid
    pid=$(node_pid) || die "no node is up"
    nsenter -t "$pid" --mount --net --pid --uts --ipc -- "$@"
}
