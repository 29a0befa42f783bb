#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# weft local with controller and sidecars: who gets one, what survives a crash of which part, and a
# kill at any moment of the start. Usage: local_mesh.sh BINARY_DIR
here=$(dirname "$(readlink -f "$0")")
. "$here/../support/netns.sh"
BIN=$(readlink -f "${1:?binary directory}")
ns_init
MESH=m$$
DIR=$NS_TMP/manifests
mkdir "$DIR"

weft() { timeout 60 "$BIN/weft" local "$1" --name "$MESH" "${@:2}"; }
pod() { timeout 20 "$BIN/weft" local exec --name "$MESH" "${@}"; }
get() { pod "$1" -- curl -s -m 5 "${@:2}"; }
code() { get "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
# pid_of POD CONTAINER
pid_of() {
    weft status -o json | tr -d '\n ' | grep -o "{[^{}]*\"name\":\"$2\",\"pid\":[0-9]*[^{}]*" |
        grep "/[^/]*\.$1[^/]*/$2\.log" | grep -o '"pid":[0-9]*' | head -1 | cut -d: -f2
}
down_all() {
    weft down >/dev/null 2>&1
    ns_clean
}
trap down_all EXIT

app() { # NAMESPACE NAME ANNOTATIONS
    cat <<EOF
apiVersion: v1
kind: Pod
metadata: {name: $2, namespace: $1, labels: {app: $2}, annotations: {$3}}
spec:
  containers:
    - name: app
      image: weft-echo
      args: ["--listen", "8080"]
      ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: $2, namespace: $1}
spec: {selector: {app: $2}, ports: [{name: http, port: 80, targetPort: http}]}
---
EOF
}
{
    echo 'apiVersion: v1
kind: Namespace
metadata: {name: in, labels: {weftmesh.io/inject: enabled}}
---'
    app in client ''
    app in server ''
    app in plain 'weftmesh.io/inject: disabled'
    app out bare ''
    app out chosen 'weftmesh.io/inject: enabled'
} >"$DIR/pods.yaml"

out=$(weft up -f "$DIR" --detach --bin-dir "$BIN" --timeout 30)
is "up ends with 0 when everything is ready" $? 0
is "sidecars: the pod's annotation over the namespace's label" \
    "$(weft status | awk '/^(in|out)\/.* (yes|no) /{printf "%s=%s ", $1, $4}')" \
    "in/client=yes in/plain=no in/server=yes out/bare=no out/chosen=yes "
is "injected pods are marked" "$(grep -l weftmesh.io/sidecar /run/weft-local/$MESH/manifests/pod.* | wc -l)" 3
has "the server's app sees who called" "$(get in/client http://server/)" \
    'URI=spiffe://cluster.local/ns/in/sa/default'
is "a pod without sidecar reaches one with (permissive)" "$(code out/bare http://server.in/)" 200
is "... and the other way" "$(code in/client http://bare.out/)" 200
is "... and its app sees no identity" \
    "$(get out/bare http://server.in/ | grep -c x-forwarded-client-cert)" 0

token() { pod "$1" -- cat /run/weft/token 2>&1; }
has "the token is not for the app" "$(token in/client)" 'Permission denied'
has "... nor is the proxy's state" "$(pod in/client -- ls /run/weft/state 2>&1)" 'Permission denied'
proxy=$(pid_of client weft-proxy)
has "the proxy runs as 1337" "$(cat "/proc/$proxy/status")" '^Uid:.1337.1337.1337.1337'
has "... without capabilities" "$(cat "/proc/$proxy/status")" '^CapEff:.0000000000000000'
is "... which cannot come back" "$(grep -c '^NoNewPrivs:.1' "/proc/$proxy/status")" 1

kill -9 "$proxy"
weft status --wait 15 >/dev/null
has "a sidecar that dies is started again" "$(weft status)" 'in/client +yes .*weft-proxy:running\(1 restarts\)'
is "... and serves" "$(code in/client http://server/)" 200

controller=$(weft status -o json | tr -d '\n ' | grep -o '"controller":{[^}]*}' | grep -o '"pid":[0-9]*' | cut -d: -f2)
kill -STOP "$controller"
is "a controller that hangs: known destinations go on" "$(code in/client http://server/)" 200
kill -9 "$controller"
is "a controller that dies: they go on" "$(code in/client http://server/)" 200
weft status --wait 15 >/dev/null
has "... it is started again" "$(weft status)" '^controller .*: ready, ended by signal 9'
cat >"$DIR/route.yaml" <<'EOF'
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: teapot, namespace: in}
spec:
  parentRefs: [{group: "", kind: Service, name: server}]
  rules:
    - filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301, hostname: there}}]
EOF
redirected() { [ "$(code in/client http://server/)" = 301 ]; }
wait_for "the route" redirected
is "... and a route written then takes effect" "$(code in/client http://server/)" 301

app in later '' >"$DIR/later.yaml"
has "apply adds a pod with a sidecar" "$(weft apply)" '1 added, 0 removed, 5 unchanged'
is "... which others reach" "$(code in/client http://later/)" 200
rm "$DIR/later.yaml"
has "apply takes it away" "$(weft apply)" '0 added, 1 removed, 5 unchanged'
gone() { ! weft status | grep -q in/later; }
wait_for "its end" gone
is "... with its namespace" "$(ip netns | grep -c -- "$MESH-in.later")" 0

weft down
is "down ends with 0" $? 0
is "... and leaves no namespace" "$(ip netns | grep -c -- "weft-$MESH")" 0

start() { # starts a mesh in the background, its supervisor in $up
    "$BIN/weft" local up -f "$DIR" --name "$MESH" --bin-dir "$BIN" >/dev/null 2>&1 &
    up=$!
}
end_it() { # SIGKILL to the supervisor
    kill -9 $up
    wait $up 2>/dev/null
}
left() { # processes, namespaces, folder; in this order, as the former make the latter
    local p
    p=$(pgrep -r S,R -f "weft-local/$MESH|netns add weft-$MESH" | wc -l)
    echo "$p $(ip netns | grep -c -- "weft-$MESH") $(ls -d /run/weft-local/$MESH 2>/dev/null)"
}
for ms in 002 005 010 020 030 060 100 200 400; do
    start
    sleep 0.$ms
    end_it
    [ -e /run/weft-local/$MESH ] && weft down >/dev/null
    is "killed after $ms ms of the start: down leaves no namespace, process or folder" "$(left)" "0 0 "
done

for i in 1 2; do
    (weft up -f "$DIR" --bin-dir "$BIN" --detach --timeout 30 >/dev/null 2>&1; echo $? >"$NS_TMP/rc$i") &
    ups[i]=$!
done
wait "${ups[@]}"
is "two at once under one name: one is refused" "$(sort "$NS_TMP"/rc[12] | xargs)" "0 1"
is "... and the other serves" "$(code in/client http://server/)" 301
weft down >/dev/null
is "... until its end" "$(left)" "0 0 "

# An ip(8) that is held up before it makes a pod's namespace, and would go on after down.
mkdir "$NS_TMP/slow"
cat >"$NS_TMP/slow/ip" <<EOF
#!/bin/sh
case "\$1 \$2 \$3" in "netns add weft-$MESH-"*)
    : >"$NS_TMP/held"
    while [ ! -e "$NS_TMP/go" ]; do sleep 0.02; done
esac
PATH=$PATH
exec ip "\$@"
EOF
chmod 755 "$NS_TMP/slow/ip"
PATH=$NS_TMP/slow:$PATH start
wait_for "the held ip" test -e "$NS_TMP/held"
end_it
weft down >/dev/null
: >"$NS_TMP/go"
is "killed while ip(8) runs: it ends with down, and nothing is left" "$(left)" "0 0 "

mkdir -p /run/weft-local/$MESH /run/netns
echo "netns 0 weft-$MESH-half" >/run/weft-local/$MESH/journal
: >/run/netns/weft-$MESH-half
weft down >/dev/null
is "a namespace that ip(8) made only half goes too" "$(left)" "0 0 "
finish
