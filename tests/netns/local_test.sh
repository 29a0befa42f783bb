#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# weft local test, weft local scale and weft proxy: the sample shop's own cases in a mesh made for
# them, cases that must fail, numbers of pods, and what the sidecars tell. Usage: local_test.sh BINARY_DIR
here=$(dirname "$(readlink -f "$0")")
. "$here/../support/netns.sh"
BIN=$(readlink -f "${1:?binary directory}")
ns_init
MESH=c$$
SHOP=$here/../../deploy/samples/shop
CASES=$here/../../deploy/samples/shop.test.yaml

weft() { timeout 60 "$BIN/weft" local "$1" --name "$MESH" "${@:2}"; }
proxy() { timeout 20 "$BIN/weft" proxy --name "$MESH" "$@"; }
down_all() {
    weft down >/dev/null 2>&1
    ns_clean
}
trap down_all EXIT
count_ready() { weft status | grep -cE "^$1.* yes "; }

# A mesh for these cases alone.
out=$(timeout 60 "$BIN/weft" local test -f "$SHOP" --bin-dir "$BIN" --name "$MESH" "$CASES" 2>&1)
is "the shop's routes keep what they promise" $? 0
is "... every case of the file is a line" "$(grep -c '^ok ' <<<"$out")" "$(grep -c '^ *- name:' "$CASES")"
has "... and the last line counts them" "$(tail -1 <<<"$out")" '^[0-9]+ passed, 0 failed$'
is "the mesh is gone afterwards" "$(ip netns | grep -c -- "weft-$MESH")" 0
is "... with its state" "$(ls -d "/run/weft-local/$MESH" 2>/dev/null)" ""
sed 's/weight: 90/weight: 50/; s/weight: 10/weight: 50/' "$SHOP/routes/catalog-canary.yaml" >"$NS_TMP/canary.yaml"
cp -r "$SHOP" "$NS_TMP/shop"
cp "$NS_TMP/canary.yaml" "$NS_TMP/shop/routes/catalog-canary.yaml"
out=$(timeout 60 "$BIN/weft" local test -f "$NS_TMP/shop" --bin-dir "$BIN" --name "$MESH" --only 'one request in ten' "$CASES")
is "a changed weight fails" $? 1
has "... and says what came" "$out" '^not ok one request in ten.*: backend catalog-v1: expected 90%±5, came [45]'
is "... that mesh is gone as well" "$(ip netns | grep -c -- "weft-$MESH")" 0

# Mistakes in the file cost no mesh.
cat >"$NS_TMP/bad.yaml" <<'EOT'
from: shop/frontend
tests:
  - request: GET http://catalog/
    expect:
      stats: 200
EOT
out=$("$BIN/weft" local test -f "$SHOP" "$NS_TMP/bad.yaml" 2>&1)
is "a bad file is wrong usage" $? 2
has "... with line, field and remedy" "$out" 'bad.yaml:5: tests\[0\].expect.stats: not known here; use status'
"$BIN/weft" local test -f "$SHOP" "$NS_TMP/none.yaml" 2>/dev/null
is "so is a file that is not there" $? 2
"$BIN/weft" local test --name "$MESH" "$CASES" 2>/dev/null
is "so is a mesh that is not there" $? 2

# In a running mesh.
weft up -f "$SHOP" --detach --bin-dir "$BIN" --timeout 30 >/dev/null
is "the shop is up" $? 0
cat >"$NS_TMP/some.yaml" <<'EOT'
from: shop/frontend
tests:
  - {name: fine, request: GET http://cart/, expect: {status: 200, route: shop/cart-paths, rule: 2, attempts: 1}}
  - {name: over HTTP/2, http2: true, request: GET http://cart/, expect: {status: 200, seen: {path: /}}}
  - {name: wrong, request: GET http://cart/basket, expect: {status: 200, reason: no_route, location: http://cart/}}
  - {name: nobody, request: GET http://nobody/, expect: {status: 200}}
  - {name: no such pod, from: shop/nobody, request: GET http://cart/, expect: {status: 200}}
  - {name: outside, from: bare/client, request: GET http://cart.shop/basket, expect: {status: 200, route: ""}}
EOT
out=$(weft test "$NS_TMP/some.yaml")
is "cases that fail give 1" $? 1
is "every case is judged" "$(grep -oE '^(not )?ok [A-Za-z]+' <<<"$out" | tr '\n' ,)" \
    "ok fine,ok over,not ok wrong,not ok nobody,not ok no,not ok outside,"
has "a difference: both sides" "$out" \
    'not ok wrong: status: expected 200, came 301; location: expected "http://cart/", came "http://cart/cart"; reason: expected "no_route", came "redirect"'
has "no answer: why" "$out" 'not ok nobody: status: expected 200, came no answer: .*resolve'
has "an unknown pod is named as such" "$out" 'not ok no such pod: from: there is no such pod'
has "a pod without sidecar has no access log" "$out" 'not ok outside: route: .*has the pod a sidecar'
has "-o json" "$(weft test -o json --only fine "$NS_TMP/some.yaml" | tr -d ' \n')" \
    '"name":"fine","ok":true.*"passed":1,"failed":0'
has "the running mesh stays" "$(weft status)" 'shop/frontend'

# Other numbers of pods.
has "scale adds pods" "$(weft scale shop/cart 3)" '^2 added, 0 removed'
is "... which are ready" "$(count_ready shop/cart-)" 3
has "... and in the Service" "$(weft status)" '^shop/cart .*80→3$'
cat >"$NS_TMP/three.yaml" <<'EOT'
tests:
  - {name: three, from: shop/frontend, request: GET http://cart/, count: 90, expect: {status: 200, backend: cart}}
EOT
has "... and used: each answers" "$(for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    weft exec shop/frontend -- curl -s http://cart/ | grep -o '"pod":"[^"]*'; done | sort -u | wc -l)" '^[23]$'
is "... without a failed request" "$(weft test "$NS_TMP/three.yaml" | tail -1)" "1 passed, 0 failed"
has "scale takes pods away" "$(weft scale cart 1 -n shop)" '^0 added, 2 removed'
has "... also all of them" "$(weft scale cart 0)" '^0 added, 1 removed'
is "... then nobody answers, and the mesh says so" \
    "$(weft exec shop/frontend -- curl -s -o /dev/null -w '%{http_code} %header{weft-reason}' http://cart/)" "503 no_endpoints"
has "apply goes back to the manifests" "$(weft apply)" '^1 added, 0 removed'
weft scale nothing 2 2>/dev/null
is "an unknown workload is refused" $? 1
weft scale cart many 2>/dev/null
is "so is no number" $? 2

# What the sidecars tell.
has "proxy config" "$(proxy shop/frontend config)" 'shop/cart:80 +service +http +3$'
has "proxy routes" "$(proxy shop/frontend routes)" 'shop/cart:80 +shop/cart-paths +1 +=/basket +\[redirect\]'
has "proxy endpoints" "$(proxy frontend endpoints)" 'shop/cart:80 .* cart-.* spiffe://cluster.local/ns/shop/sa/cart$'
has "proxy stats" "$(proxy shop/frontend stats requests_total)" '^[0-9]+ +weft_requests_total.*service="shop/cart:80"'
has "proxy config -o json" "$(proxy shop/frontend config -o json)" '"destinations": \{'
is "proxy log-level" "$(proxy shop/frontend log-level)" info
is "... can be set" "$(proxy shop/frontend log-level debug)" debug
is "proxy access-log" "$(proxy shop/frontend access-log)" all
is "... can be set" "$(proxy shop/frontend access-log errors)" errors
is "... and back" "$(proxy shop/frontend access-log all -o json)" '{"access": "all"}'
is "log-level stays" "$(proxy shop/frontend log-level -o json)" '{"level": "debug"}'
has "routes --traffic" "$(timeout 30 "$BIN/weft" routes -f "$SHOP" --traffic --name "$MESH" 2>&1 | grep '^HTTPRoute shop/cart-paths')" \
    'shop/cart:80 +producer +True +True +[1-9][0-9]* +[0-9]+ +[0-9.]+ms +[0-9.]+ms$'
is "... of a mesh that is not there" "$(timeout 30 "$BIN/weft" routes -f "$SHOP" --traffic --name none-$$ >/dev/null 2>&1; echo $?)" 1
has "a pod without sidecar says so" "$(proxy bare/client config 2>&1)" 'bare/client has no sidecar'
proxy shop/frontend nothing 2>/dev/null
is "an unknown verb is wrong usage" $? 2
weft down
is "down ends with 0" $? 0
finish
