#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# weft-init for real: where connections of a pod go, for both families and both back ends; running
# it again, after a crash, and backwards. Usage: init_redirect.sh BINARY_DIR
here=$(dirname "$(readlink -f "$0")")
. "$here/../support/netns.sh"
INIT=$(readlink -f "${1:?binary directory}")/weft-init
PROBE=$here/init_probe.py
ns_init

ask() { ns "$1" python3 "$PROBE" ask "${@:2}"; } # NAME [--uid N] [--gid N] ADDR PORT
saved() { # rules of namespace $1 in both back ends and families, without dates
    local p
    for p in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
        echo "== $p"
        ns "$1" "$p-save" 2>/dev/null | grep -v '^#'
    done
}
init() { ns "$1" env XTABLES_LOCKFILE="$NS_TMP/lock" "$INIT" "${@:2}" 2>&1; }

world() { # NAME: a pod and its peer, listeners in both
    local n=$1
    ns_add "$n"
    ns_add "$n-peer"
    ns_pair "$n" "$n-peer" 10.77.0.2 10.77.0.3 fd77::2 fd77::3
    ns_address "$n-peer" eth0 10.78.0.3/32 fd78::3/128
    ns_spawn "$n" "$NS_TMP/$n" python3 "$PROBE" serve 15001 15006 15020 15021 8080 9090
    ns_spawn "$n-peer" "$NS_TMP/$n-peer" python3 "$PROBE" serve 15020 15021 8080 9090
    wait_line "$NS_TMP/$n" ready
    wait_line "$NS_TMP/$n-peer" ready
}

families() { # NAME LABEL: the plain semantics, for IPv4 and IPv6
    local n=$1 l f pod peer vip lo
    for f in v4 v6; do
        l="$2 $f"
        if [ $f = v4 ]; then
            pod=10.77.0.2 peer=10.77.0.3 vip=10.96.0.10 lo=127.0.0.1
            at() { echo "$1:$2"; }
        else
            pod=fd77::2 peer=fd77::3 vip=fd96::10 lo=::1
            at() { echo "[$1]:$2"; }
        fi
        is "$l: outgoing goes to 15001" "$(ask $n $peer 8080)" "15001 $(at $peer 8080)"
        is "$l: a ClusterIP goes to 15001" "$(ask $n $vip 80)" "15001 $(at $vip 80)"
        is "$l: root's connections go to 15001" "$(ask $n --uid 0 --gid 0 $peer 8080)" "15001 $(at $peer 8080)"
        is "$l: incoming goes to 15006" "$(ask $n-peer $pod 8080)" "15006 $(at $pod 8080)"
        is "$l: incoming to a closed port goes to 15006" "$(ask $n-peer $pod 7)" "15006 $(at $pod 7)"
        is "$l: incoming to 15001 shows itself" "$(ask $n-peer $pod 15001)" "15006 $(at $pod 15001)"
        is "$l: loopback stays" "$(ask $n $lo 8080)" "8080 $(at $lo 8080)"
        is "$l: the pod's own address stays" "$(ask $n $pod 8080)" "8080 $(at $pod 8080)"
        is "$l: the proxy's uid is exempt" "$(ask $n --uid 1337 $peer 8080)" "8080 $(at $peer 8080)"
        is "$l: the proxy's gid is exempt" "$(ask $n --gid 1337 $peer 8080)" "8080 $(at $peer 8080)"
        is "$l: the proxy reaches its app" "$(ask $n --uid 1337 $pod 8080)" "8080 $(at $pod 8080)"
        is "$l: 15020 in" "$(ask $n-peer $pod 15020)" "15020 $(at $pod 15020)"
        is "$l: 15021 in" "$(ask $n-peer $pod 15021)" "15021 $(at $pod 15021)"
        is "$l: 15020 out" "$(ask $n $peer 15020)" "15020 $(at $peer 15020)"
        has "$l: 15000 in is not redirected" "$(ask $n-peer $pod 15000)" refused
    done
}

lists() { # NAME LABEL: include and exclude
    local n=$1 l=$2
    init $n --exclude-inbound-ports 9090 --exclude-outbound-ports=9000-9100 \
        --exclude-outbound-cidrs 10.78.0.0/16,fd78::/16 --exclude-outbound-uids 2000-2001 \
        --exclude-outbound-gids 3000 >/dev/null
    is "$l: excluded inbound port" "$(ask $n-peer 10.77.0.2 9090)" "9090 10.77.0.2:9090"
    is "$l: other inbound port" "$(ask $n-peer 10.77.0.2 8080)" "15006 10.77.0.2:8080"
    is "$l: excluded outbound port" "$(ask $n 10.77.0.3 9090)" "9090 10.77.0.3:9090"
    is "$l: excluded network v4" "$(ask $n 10.78.0.3 8080)" "8080 10.78.0.3:8080"
    is "$l: excluded network v6" "$(ask $n fd78::3 8080)" "8080 [fd78::3]:8080"
    is "$l: other network" "$(ask $n 10.77.0.3 8080)" "15001 10.77.0.3:8080"
    is "$l: excluded uid" "$(ask $n --uid 2001 10.77.0.3 8080)" "8080 10.77.0.3:8080"
    is "$l: other uid" "$(ask $n --uid 2002 10.77.0.3 8080)" "15001 10.77.0.3:8080"
    is "$l: excluded gid" "$(ask $n --gid 3000 10.77.0.3 8080)" "8080 10.77.0.3:8080"
    init $n --include-inbound-ports 8080 --include-outbound-ports 8000-8100,443 \
        --include-outbound-cidrs 10.78.0.0/16 --exclude-outbound-ports '' >/dev/null
    is "$l: included inbound port" "$(ask $n-peer 10.77.0.2 8080)" "15006 10.77.0.2:8080"
    is "$l: inbound port not included" "$(ask $n-peer 10.77.0.2 9090)" "9090 10.77.0.2:9090"
    is "$l: included port and network" "$(ask $n 10.78.0.3 8080)" "15001 10.78.0.3:8080"
    is "$l: port not included" "$(ask $n 10.78.0.3 9090)" "9090 10.78.0.3:9090"
    is "$l: network not included" "$(ask $n 10.77.0.3 8080)" "8080 10.77.0.3:8080"
    is "$l: family not included" "$(ask $n fd78::3 8080)" "8080 [fd78::3]:8080"
    init $n --include-inbound-ports none --include-outbound-ports none >/dev/null
    is "$l: none inbound" "$(ask $n-peer 10.77.0.2 8080)" "8080 10.77.0.2:8080"
    is "$l: none outbound" "$(ask $n 10.77.0.3 8080)" "8080 10.77.0.3:8080"
    init $n --proxy-uid 1500 --proxy-gid 1501 --outbound-port 15021 2>/dev/null >/dev/null
    is "$l: a reserved port is refused with 2" "$?" 2
    init $n --proxy-uid 1500 --proxy-gid 1501 --outbound-port 9090 --inbound-port 15001 >/dev/null
    is "$l: other ports out" "$(ask $n 10.77.0.3 8080)" "9090 10.77.0.3:8080"
    is "$l: other ports in" "$(ask $n-peer 10.77.0.2 8080)" "15001 10.77.0.2:8080"
    is "$l: other proxy uid" "$(ask $n --uid 1500 10.77.0.3 8080)" "8080 10.77.0.3:8080"
}

again() { # NAME LABEL nft|legacy: repetition, crashes, foreign rules, cleanup
    local n=$1 l=$2 b=$3 want before out
    init $n --cleanup >/dev/null
    ns $n iptables-$b -t nat -A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 5353
    ns $n iptables-$b -t nat -N OTHER_CHAIN
    before=$(saved $n)
    init $n --backend $b >/dev/null
    want=$(saved $n)
    has "$l: foreign rules stay" "$want" 'REDIRECT --to-ports 5353'
    init $n >/dev/null
    is "$l: a second run changes nothing" "$(saved $n)" "$want"

    # What a crash, or another program, may leave behind; then one run.
    init $n --cleanup >/dev/null
    init $n --backend $b --dry-run | sed -n '/^# iptables/,/^COMMIT/p' | ns $n iptables-$b-restore --noflush
    init $n >/dev/null
    is "$l: only IPv4 was done" "$(saved $n)" "$want"
    ns $n iptables-$b -t nat -F WEFT_OUT
    ns $n iptables-$b -t nat -D PREROUTING 1
    init $n >/dev/null
    is "$l: chains emptied, one jump lost" "$(saved $n)" "$want"
    ns $n iptables-$b -t nat -I OUTPUT 1 -p tcp -j WEFT_OUT
    ns $n iptables-$b -t nat -A PREROUTING -p tcp -j WEFT_IN
    init $n >/dev/null
    is "$l: doubled jumps" "$(saved $n)" "$want"
    ns $n iptables-$b -t nat -N WEFT_OLD
    ns $n iptables-$b -t nat -A WEFT_OLD -j WEFT_OUT_NET
    ns $n iptables-$b -t nat -A OUTPUT -m comment --comment "say -j X" -p tcp --dport 80 -j WEFT_OLD
    init $n >/dev/null
    is "$l: chains and jumps of an older version" "$(saved $n)" "$want"
    ns $n iptables-$b -t nat -I OUTPUT 1 -p tcp --dport 81 -j ACCEPT
    init $n >/dev/null
    is "$l: the jump returns to the head" \
        "$(ns $n iptables-$b -t nat -S OUTPUT 2>/dev/null | sed -n 2p)" "-A OUTPUT -p tcp -j WEFT_OUT"
    ns $n iptables-$b -t nat -D OUTPUT -p tcp --dport 81 -j ACCEPT

    out=$(saved $n)
    init $n --exclude-inbound-ports 80,70000 >/dev/null
    is "$l: a bad value exits with 2" "$?" 2
    is "$l: ... and changes nothing" "$(saved $n)" "$out"
    init $n --dry-run --exclude-inbound-ports 80 >/dev/null
    is "$l: --dry-run changes nothing" "$(saved $n)" "$out"
    init $n --cleanup --dry-run >/dev/null
    is "$l: --cleanup --dry-run changes nothing" "$(saved $n)" "$out"
    init $n --cleanup >/dev/null
    is "$l: cleanup leaves what was there" "$(saved $n | sed '/^:\(PRE\|IN\|OUT\|POST\)/d;/^COMMIT/d;/^\*nat/d')" \
        "$(sed '/^:\(PRE\|IN\|OUT\|POST\)/d;/^COMMIT/d;/^\*nat/d' <<<"$before")"
    init $n --cleanup >/dev/null
    is "$l: cleanup twice exits with 0" "$?" 0
}

check() { # NAME LABEL nft|legacy: --check in a namespace whose ports are free
    local n=$1 l=$2 b=$3 out before
    ns_add $n
    ns_add $n-peer
    ns_pair $n $n-peer 10.79.0.2 10.79.0.3 fd79::2 fd79::3
    out=$(init $n --check)
    is "$l: --check without rules exits with 1" "$?" 1
    has "... and says so" "$out" 'IPv4: there are no rules of weft-init'
    has "... also that a connection is not redirected" "$out" 'a connection to 192.0.2.1:80 was not redirected: it did not arrive'
    init $n --backend $b --exclude-outbound-ports 80-443 --include-inbound-ports 8080,9000-9100 >/dev/null
    before=$(saved $n | sed 's/ \[.*//')
    out=$(init $n --check --exclude-outbound-ports 80-443 --include-inbound-ports 8080,9000-9100)
    is "$l: --check of what was just written exits with 0" "$?" 0
    has "... for IPv4" "$out" "IPv4 \($b\): the rules are as asked"
    has "... for IPv6" "$out" "IPv6 \($b\): the rules are as asked"
    has "... an IPv4 connection proves it" "$out" 'IPv4: a connection to 192.0.2.1:444 came to port 15001'
    has "... an IPv6 connection proves it" "$out" 'IPv6: a connection to \[2001:db8::1\]:444 came to port 15001'
    is "... and nothing was changed" "$(saved $n | sed 's/ \[.*//')" "$before"
    out=$(init $n --check)
    is "$l: --check with other options exits with 1" "$?" 1
    has "... names the rule that is missing" "$out" 'IPv4: missing: -A WEFT_IN -j WEFT_IN_REDIRECT'
    has "... and the connection that went astray" "$out" 'IPv6: a connection to \[2001:db8::1\]:80 was not redirected'
    out=$(init $n --check --exclude-outbound-ports 80-443 --include-inbound-ports 8080,9000-9100 --outbound-port 15006 --inbound-port 15001)
    has "$l: swapped ports are told" "$out" 'it came to the inbound port'
    init $n --backend $b >/dev/null
    ns $n iptables-$b -t nat -I OUTPUT 1 -p tcp --dport 80 -j ACCEPT
    out=$(init $n --check)
    is "$l: a rule of others before ours: 1" "$?" 1
    has "... is found by the rules" "$out" 'IPv4: not at the head of OUTPUT'
    has "... and by the connection" "$out" 'IPv4: a connection to 192.0.2.1:80 was not redirected'
    init $n >/dev/null
    out=$(init $n --check --exclude-outbound-uids 5 --exclude-outbound-cidrs 192.0.2.0/24)
    has "$l: another documentation address where one is excluded" "$out" 'a connection to 198.51.100.1:80 came'
    ns $n ip -6 route del default
    out=$(init $n --check)
    is "$l: a family without a route is not counted against it" "$?" 0
    has "... but named" "$out" 'IPv6: outgoing connections could not be tried, there is no route'
    ns $n ip route del default
    init $n --check >/dev/null
    is "$l: no route at all: nothing is proven, 1" "$?" 1
    ns $n ip route add default via 10.79.0.3
    ns_spawn $n "$NS_TMP/$n" python3 "$PROBE" serve 15001
    wait_line "$NS_TMP/$n" ready
    out=$(init $n --check)
    is "$l: a port in use: 1" "$?" 1
    has "... and which" "$out" 'port 15001 cannot be listened on: .*is the proxy running'
    init $n --check --cleanup >/dev/null
    is "$l: --check --cleanup: 2" "$?" 2
}

back_end() { # nft|legacy
    local b=$1
    world $b
    has "$b: says what it did" "$(init $b --backend $b)" "IPv4 \($b\): outgoing TCP goes to port 15001"
    families $b $b
    lists $b $b
    again $b $b $b
    check $b-check $b $b
}

back_end nft
ns_add try
if printf '*nat\nCOMMIT\n' | ns try iptables-legacy-restore --noflush 2>/dev/null; then
    back_end legacy

    ns_add mixed
    ns mixed iptables-legacy -t nat -A POSTROUTING -p udp -j ACCEPT
    has "auto takes the back end that holds rules" "$(init mixed)" "IPv4 \(legacy\)"
    init mixed --cleanup >/dev/null
    ns mixed iptables-nft -t nat -A POSTROUTING -p udp -j ACCEPT
    ns mixed iptables-legacy -t nat -F
    has "auto takes nft when only nft holds rules" "$(init mixed)" "IPv4 \(nft\)"
    has "forcing the other moves our rules" "$(init mixed --backend legacy)" "IPv4 \(nft\): removed"
    is "... and leaves none behind" "$(ns mixed iptables-nft-save 2>/dev/null | grep -c WEFT)" 0
    init mixed --backend nft >/dev/null
    ns mixed iptables-legacy -t nat -N WEFT_LEFT
    has "cleanup clears both back ends" "$(init mixed --cleanup)" "IPv4 \(legacy\): removed"
    is "... completely" "$(saved mixed | grep -c WEFT)" 0

    ns_add locked
    mkfifo "$NS_TMP/go"
    (flock 9 && echo locked >"$NS_TMP/held" && read -r _ <"$NS_TMP/go") 9>"$NS_TMP/lock" &
    NS_PIDS+=($!)
    wait_line "$NS_TMP/held" locked
    out=$(init locked --backend legacy --lock-wait 1)
    is "a lock held too long exits with 1" "$?" 1
    has "... and says so" "$out" "xtables lock"
    ns_spawn locked "$NS_TMP/waiting" env XTABLES_LOCKFILE="$NS_TMP/lock" "$INIT" --backend legacy
    echo >"$NS_TMP/go"
    wait "$NS_PID"
    is "a lock that is released is waited for" "$?" 0
else
    skip "legacy back end" "this kernel has no legacy nat table"
fi

ns_add bare
out=$(ns bare setpriv --bounding-set=-net_admin,-net_raw "$INIT" 2>&1)
is "without NET_ADMIN it exits with 1" "$?" 1
has "... and explains" "$out" "needs the capability NET_ADMIN"

# No ip6tables installed: a mount namespace whose sbin has the IPv4 programs only.
ns_add only4
four=$(unshare -m bash -c '
    mkdir "$1/sbin" && cp "$(readlink -f "$(command -v iptables-nft)")" "$1/sbin/xtables-nft-multi"
    for v in save restore; do ln -s xtables-nft-multi "$1/sbin/iptables-nft-$v"; done
    ip=$(command -v ip) && cp "$ip" "$1/sbin/ip"
    mount --bind "$1/sbin" /usr/sbin && PATH=/usr/sbin:/usr/bin:/bin ip netns exec "$2" "$3"' \
    - "$NS_TMP" "${NS_PREFIX}only4" "$INIT" 2>&1)
is "without ip6tables it exits with 0" "$?" 0
has "... says that IPv6 is absent" "$four" "IPv6 connections are not redirected, only IPv4"
is "... and redirects IPv4" "$(ns only4 iptables-nft-save | grep -c 'j REDIRECT')" 2
is "... but not IPv6" "$(ns only4 ip6tables-nft-save | grep -c 'j REDIRECT')" 0

finish
