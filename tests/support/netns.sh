# SPDX-License-Identifier: Apache-2.0
# Bash functions for tests with real network namespaces (source it; needs root). Namespaces have
# names of this process alone, no uplink, and are removed with every process in them at the end.
#
#   ns_init                      first: checks for root, sets the clean-up trap, makes $NS_TMP
#   ns_add a                     namespace "a" with lo up
#   ns_pair a b IP4 IP4 IP6 IP6  veth between two namespaces (prefix lengths 24 and 64), each the
#                                other's default route
#   ns_switch                    a namespace with a bridge (10.77.0.1/16, fd77::1/64), once
#   ns_pod a IP4 IP6             namespace "a" on the switch, default route to the bridge
#   ns a CMD...                  runs CMD in namespace "a"
#   ns_spawn a LOG CMD...        the same in the background, output to LOG; its pid in $NS_PID
#   wait_line FILE PATTERN       until FILE has a line that matches (grep -E), at most 10 s
#   wait_port a PORT             until something in "a" listens on TCP PORT, at most 10 s
#   ok NAME / not_ok NAME WHY / skip NAME WHY / is NAME GOT WANTED / has NAME TEXT PATTERN
#   finish                       last: prints "N passed, N failed", exits 1 if one failed

NS_PREFIX="weft$$-"
NS_ALL=()
NS_PIDS=()
PASSED=0 FAILED=0 SKIPPED=0

ns_clean() {
    local n p
    exec 2>/dev/null # bash would report every process that is ended here
    for p in "${NS_PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done
    for n in "${NS_ALL[@]}"; do
        for p in $(ip netns pids "$n" 2>/dev/null); do kill -9 "$p" 2>/dev/null; done
        ip netns del "$n" 2>/dev/null
    done
    wait 2>/dev/null
    [ -n "$NS_TMP" ] && rm -rf "$NS_TMP"
}

ns_init() {
    if [ "$(id -u)" != 0 ]; then
        echo "SKIPPED: $0 needs root to make network namespaces"
        exit 77
    fi
    NS_TMP=$(mktemp -d /tmp/weft-netns.XXXXXX)
    chmod 755 "$NS_TMP"
    trap ns_clean EXIT
    trap 'exit 1' INT TERM HUP
}

ns_add() {
    ip netns add "$NS_PREFIX$1" || exit 1
    NS_ALL+=("$NS_PREFIX$1")
    ip -n "$NS_PREFIX$1" link set lo up
}

ns() {
    local name=$NS_PREFIX$1
    shift
    ip netns exec "$name" "$@"
}

ns_address() { # NAME DEVICE IP4 IP6
    local n=$NS_PREFIX$1
    ip -n "$n" link set "$2" up
    [ -n "$3" ] && ip -n "$n" addr add "$3" dev "$2"
    if [ -n "$4" ] && [ -e /proc/net/if_inet6 ]; then ip -n "$n" addr add "$4" dev "$2" nodad; fi
}

ns_pair() { # A B IP4A IP4B IP6A IP6B
    ip -n "$NS_PREFIX$1" link add eth0 type veth peer name eth0 netns "$NS_PREFIX$2" || exit 1
    ns_address "$1" eth0 "$3/24" "$5/64"
    ns_address "$2" eth0 "$4/24" "$6/64"
    ip -n "$NS_PREFIX$1" route add default via "$4"
    ip -n "$NS_PREFIX$2" route add default via "$3"
    [ -e /proc/net/if_inet6 ] || return 0
    ip -n "$NS_PREFIX$1" -6 route add default via "$6"
    ip -n "$NS_PREFIX$2" -6 route add default via "$5"
}

ns_switch() {
    ns_add switch
    ip -n "${NS_PREFIX}switch" link add br0 type bridge
    ns_address switch br0 10.77.0.1/16 fd77::1/64
    ns switch sysctl -qw net.ipv4.ip_forward=1
}

NS_PORTS=0
ns_pod() { # NAME IP4 IP6
    ns_add "$1"
    NS_PORTS=$((NS_PORTS + 1))
    ip -n "$NS_PREFIX$1" link add eth0 type veth peer name "p$NS_PORTS" netns "${NS_PREFIX}switch"
    ip -n "${NS_PREFIX}switch" link set "p$NS_PORTS" master br0 up
    ns_address "$1" eth0 "$2/16" "$3/64"
    ip -n "$NS_PREFIX$1" route add default via 10.77.0.1
    if [ -e /proc/net/if_inet6 ]; then ip -n "$NS_PREFIX$1" -6 route add default via fd77::1; fi
}

ns_spawn() { # NAME LOG CMD...
    local name=$NS_PREFIX$1 log=$2
    shift 2
    ip netns exec "$name" "$@" >"$log" 2>&1 &
    NS_PID=$!
    NS_PIDS+=("$NS_PID")
}

wait_for() { # WHAT CMD...: polls every 20 ms; WEFT_TEST_PATIENCE: programs that are so many times as slow
    local what=$1 i
    shift
    for ((i = 0; i < 500 * ${WEFT_TEST_PATIENCE:-1}; i++)); do
        "$@" && return 0
        sleep 0.02
    done
    echo "# waited $((10 * ${WEFT_TEST_PATIENCE:-1})) s in vain for $what" >&2
    return 1
}

wait_line() { wait_for "$2 in $1" grep -qsE "$2" "$1"; }

ns_listens() { # NAME PORT: by the listening state (0A) in /proc/net/tcp
    local hex
    hex=$(printf '%04X' "$2")
    ns "$1" grep -qsE "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F:]+ 0A" /proc/net/tcp /proc/net/tcp6
}
wait_port() { wait_for "port $2 in $1" ns_listens "$1" "$2"; }

ok() {
    PASSED=$((PASSED + 1))
    echo "ok $1"
}
not_ok() {
    FAILED=$((FAILED + 1))
    echo "not ok $1"
    printf '%s\n' "$2" | sed 's/^/#   /'
}
skip() {
    SKIPPED=$((SKIPPED + 1))
    echo "SKIPPED $1: $2"
}
is() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2
wanted: $3"; fi
}
has() { # NAME TEXT PATTERN
    if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no match for $3 in: $2"; fi
}
finish() {
    [ "$SKIPPED" = 0 ] || echo "$SKIPPED skipped"
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" = 0 ]
    exit
}
