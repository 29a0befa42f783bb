#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# weft-echo against curl, nghttp and h2load on loopback. Usage: run.sh BINARY_DIR
here=$(dirname "$(readlink -f "$0")")
. "$here/../support/netns.sh"
ECHO_BIN=$(readlink -f "${1:?binary directory}")/weft-echo
NS_TMP=$(mktemp -d /tmp/weft-echo.XXXXXX)
trap ns_clean EXIT
trap 'exit 1' INT TERM HUP

"$ECHO_BIN" --listen 127.0.0.1:0 --listen '[::1]:0' --tcp 127.0.0.1:0 --greeting "hi " --name pod-a \
    >"$NS_TMP/log" 2>&1 &
PID=$!
NS_PIDS+=("$PID")
wait_line "$NS_TMP/log" '^weft-echo: tcp' || exit 1
PORT=$(sed -n '1s/.*://p' "$NS_TMP/log")
PORT6=$(sed -n '2s/.*://p' "$NS_TMP/log")
TCP=$(sed -n '3s/.*://p' "$NS_TMP/log")
U=http://127.0.0.1:$PORT
BIG=$NS_TMP/big
head -c 5000000 /dev/urandom >"$BIG"

r=$("$ECHO_BIN" --get "$U/x?a=1")
is "--get: exit status" $? 0
has "--get: the answer whole" "$r" '^HTTP/1.1 200'
has "--get: its body too" "$r" '"method":"GET","path":"/x\?a=1"'
r=$("$ECHO_BIN" --get "http://[::1]:$PORT6?status=503" 2>&1)
is "--get: 503 is a failure" $? 1
has "--get: and is shown" "$r" '^HTTP/1.1 503'
"$ECHO_BIN" --get "$U/?reset=head" >"$NS_TMP/cut" 2>&1
is "--get: no answer is a failure" $? 1
has "--get: and is said" "$(cat "$NS_TMP/cut")" 'no whole answer came'

raw() { # bytes from stdin, to port $1; prints everything until the other side closes
    python3 -c '
import socket, sys, threading
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
d = sys.stdin.buffer.read()
threading.Thread(target=lambda: s.sendall(d)).start()
try:
    while (b := s.recv(65536)):
        sys.stdout.buffer.write(b)
except TimeoutError:
    pass' "$1"
}

both() { # everything that HTTP/1.1 and HTTP/2 have in common
    local v=$1 p=$2
    get() { curl -sS -m 20 "$v" "$@" 2>&1; }
    code() { get -o /dev/null -w '%{http_code}' "$@"; }
    local r
    r=$(get "$U/a?b=1" -H 'x-a: 1' -H 'X-A: 2')
    has "$p: pod, path and protocol" "$r" "\"pod\":\"pod-a\".*\"method\":\"GET\",\"path\":\"/a\?b=1\".*\"proto\":\"$p\""
    has "$p: repeated fields" "$r" '"x-a":\["1","2"\]'
    has "$p: it is JSON" "$(get "$U/" -H $'x-odd: "\\\xff' | python3 -c 'import json,sys; print(json.load(sys.stdin)["headers"]["x-odd"])')" '^\['
    is "$p: healthz" "$(get "$U/healthz")" ok
    has "$p: body is counted" "$(get "$U/p" --data-binary @"$BIG")" '"body_bytes":5000000'
    r=$(get -v "$U/p" -H 'Expect: 100-continue' -d abc)
    has "$p: Expect is answered with 100" "$r" '^< HTTP/[0-9.]+ 100'
    get "$U/p?echo=1" --data-binary @"$BIG" -o "$NS_TMP/out"
    is "$p: echo" "$(cmp "$NS_TMP/out" "$BIG" && echo same)" same
    get "$U/p?echo=1" -T - -o "$NS_TMP/out" <"$BIG"
    is "$p: echo of unknown length" "$(cmp "$NS_TMP/out" "$BIG" && echo same)" same
    r=$(get -i "$U/p?status=503&trailers=1&info=103")
    has "$p: 1xx first" "$(head -1 <<<"$r")" ' 103'
    has "$p: status" "$r" '^HTTP/[0-9.]+ 503'
    has "$p: trailers" "$(tail -1 <<<"$r")" '^x-echo-trailer: done'
    is "$p: size" "$(get -o /dev/null -w '%{http_code} %{size_download}' "$U/p?size=30000000")" "200 30000000"
    is "$p: stream" "$(get "$U/p?stream=3000&chunk=1000" | wc -lc | xargs)" "3000 3000000"
    is "$p: stream with an interval" "$(get "$U/p?stream=3&chunk=4&interval=20")" $'0 .\n1 .\n2 .'
    r=
    for _ in 1 2 3; do r="$r $(code "$U/p?fail=2&key=k-$v&fail_status=503")"; done
    is "$p: fail twice, then answer" "$r" " 503 503 200"
    has "$p: fail by reset" "$(get "$U/p?fail=1&key=r-$v&fail_mode=reset")" 'reset|not closed cleanly: INTERNAL_ERROR'
    has "$p: fail by abort" "$(get "$U/p?fail=1&key=a-$v&fail_mode=abort")" 'reset by peer'
    has "$p: fail by close" "$(get "$U/p?fail=1&key=c-$v&fail_mode=close")" '^curl'
    has "$p: reset before the head" "$(get "$U/p?reset=head")" 'reset|INTERNAL_ERROR'
    is "$p: delays add up" "$(get -o /dev/null -w '%{time_starttransfer} %{time_total}' "$U/p?delay=60ms&body_delay=60" |
        awk '{print ($1 >= 0.06), ($2 >= 0.12)}')" "1 1"
    has "$p: HEAD" "$(get -I "$U/p?size=77")" 'content-length: 77'
    is "$p: 204 by header" "$(code -H 'x-echo: status=204' "$U/p")" 204
    is "$p: a bad control is 400" "$(code "$U/p?status=abc")" 400
    has "$p: a head too large is refused" "$(code -H "x: $(head -c 70000 /dev/zero | tr '\0' a)" "$U/")" '431|curl'
}
both --http1.1 HTTP/1.1
both --http2-prior-knowledge HTTP/2
curl -s --http1.1 -m 20 "$U/p?size=100000&reset=body" -o "$NS_TMP/out"
is "HTTP/1.1: reset in the body" "$(wc -c <"$NS_TMP/out")" 50001
# The frames, as curl forgets what it has not yet written when the reset comes.
r=$(nghttp -nv -t 20 "$U/p?size=100000&reset=body" 2>&1)
is "HTTP/2: reset in the body" "$(grep -oP 'recv DATA frame <length=\K[0-9]+' <<<"$r" | awk '{n += $1} END {print n}')" 50001
has "HTTP/2: ... by INTERNAL_ERROR" "$r" 'error_code=INTERNAL_ERROR'

has "IPv6" "$(curl -sS -m 5 "http://[::1]:$PORT6/")" '"remote":"\[::1\]:'
has "HTTP/1.0: closes" "$(curl -sS -0 -i "$U/?stream=2")" 'connection: close'
is "pipelining keeps the order" "$(printf 'GET /1?delay=50 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
    raw "$PORT" | grep -o '"path":"/[12]' | tr -d '\n')" '"path":"/1"path":"/2'
is "3001 requests at once" "$( (for ((i = 0; i < 3000; i++)); do printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'; done
    printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n') | raw "$PORT" | grep -c '"path"')" 3001
has "garbage is 400" "$(printf 'GARBAGE\r\n\r\n' | raw "$PORT")" '^HTTP/1.1 400'
has "upgrade" "$(printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello' |
    timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; cat >&3; head -c 77 <&3")" 'hello$'
is "plain TCP with a greeting" "$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$TCP; echo there >&3; head -c 9 <&3")" "hi there"

printf '\0\0\0\0\5hello\0\0\0\0\3abc' >"$NS_TMP/grpc"
grpc() { nghttp -nv -t 10 -d "$NS_TMP/grpc" -H 'content-type: application/grpc' -H 'te: trailers' "$U$1" | tr -d '\0'; }
curl -sS --http2-prior-knowledge "$U/pkg.S/M?delay=30" -H 'content-type: application/grpc' \
    --data-binary @"$NS_TMP/grpc" -o "$NS_TMP/out"
is "gRPC: messages back, also after a delay" "$(cmp "$NS_TMP/out" "$NS_TMP/grpc" && echo same)" same
has "gRPC: status 0" "$(grpc /pkg.S/M)" 'grpc-status: 0'
has "gRPC: fails with 14" "$(grpc '/pkg.S/M?fail=1&key=g')" 'grpc-status: 14'
has "gRPC: a status as asked" "$(grpc '/pkg.S/M?grpc_status=5')" 'grpc-status: 5'
has "gRPC: five messages" "$(grpc '/pkg.S/M?stream=5&chunk=3')" 'recv DATA frame <length=40'
has "gRPC: health" "$(grpc /grpc.health.v1.Health/Check)" 'recv DATA frame <length=7'
printf '\0\0\0\0\7hello' >"$NS_TMP/grpc"
has "gRPC: a broken message is 13" "$(grpc /pkg.S/M)" 'grpc-status: 13'
has "HTTP/2 under load" "$(h2load -n 5000 -c 4 -m 32 "$U/")" '5000 succeeded, 0 failed'
has "many echoes share a window" "$(h2load -n 60 -c 2 -m 16 -d "$BIG" "$U/?echo=1")" '60 succeeded, 0 failed'
peak=$(awk '/VmHWM/ {print $2}' /proc/$PID/status)
is "memory stays bounded (peak $peak kB)" "$((peak < ${ECHO_PEAK_KB:-65536}))" 1
kill -TERM $PID
wait $PID
is "SIGTERM ends it with 0" "$?" 0
finish
