#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# weft local without sidecars: pods, names, ClusterIPs, probes, restarts, apply, and that nothing is
# left behind. Usage: local_pods.sh BINARY_DIR
here=$(dirname "$(readlink -f "$0")")
. "$here/../support/netns.sh"
BIN=$(readlink -f "${1:?binary directory}")
ns_init
A=t$$a B=t$$b
DIR=$NS_TMP/manifests
mkdir "$DIR" "$NS_TMP/state" "$NS_TMP/wd"
chmod 755 "$NS_TMP/wd"

weft() { timeout 60 "$BIN/weft" local "$1" --name "$MESH" "${@:2}"; }
pod() { timeout 20 "$BIN/weft" local exec --name "$MESH" "${@}"; }
get() { pod "$1" -- curl -s -m 5 "${@:2}"; }
code() { get "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
has_endpoint() { weft status -o json | grep -q "\"$1\""; }
lost_endpoint() { ! has_endpoint "$1"; }
answers() { [ "$(code "${@:2}")" = "$1" ]; } # what status says reaches the packet rules a moment later
down_all() {
    for MESH in $A $B; do "$BIN/weft" local down --name "$MESH" >/dev/null 2>&1; done
    ns_clean
}
trap down_all EXIT

cat >"$DIR/app.yaml" <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: one}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example:5000/x/weft-echo:v1
          args: ["--listen", "80", "--name", "\$(ME)"]
          workingDir: $NS_TMP/wd
          env:
            - {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
          ports: [{name: http, containerPort: 80}]
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1, timeoutSeconds: 5}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: one}
spec:
  ipFamilyPolicy: PreferDualStack
  selector: {app: web}
  ports: [{name: http, port: 8000, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: fixed, namespace: one}
spec: {clusterIP: 10.96.7.7, selector: {app: fixed}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: one}
spec: {clusterIP: None, selector: {app: fixed}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: fixed, namespace: one, labels: {app: fixed}}
spec:
  containers:
    - name: app
      image: weft-echo
      args: ["--listen", "80"]
      readinessProbe: {exec: {command: [test, -e, $NS_TMP/ready]}, periodSeconds: 1, timeoutSeconds: 5}
status: {podIP: 192.168.40.4}
---
apiVersion: v1
kind: Service
metadata: {name: secure, namespace: one}
spec: {clusterIP: 10.96.7.8, selector: {app: secure}, ports: [{port: 443}]}
---
apiVersion: v1
kind: Pod
metadata: {name: secure, namespace: one, labels: {app: secure}}
spec:
  containers:
    - name: app
      image: none
      command: [/usr/bin/python3, $NS_TMP/wd/https.py]
      ports: [{containerPort: 443}]
      readinessProbe: {httpGet: {path: /healthz, port: 443, scheme: HTTPS}, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 1}
status: {podIP: 192.168.40.5}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: two}
spec:
  volumes: []
  containers: [{name: app, image: none, command: [sleep, "1000000"]}]
EOF
touch "$NS_TMP/ready" "$NS_TMP/wd/healthy"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=nobody \
    -keyout "$NS_TMP/wd/key.pem" -out "$NS_TMP/wd/cert.pem" 2>/dev/null
chmod 644 "$NS_TMP/wd/key.pem"
cat >"$NS_TMP/wd/https.py" <<EOF
import http.server, os, ssl
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists('$NS_TMP/wd/healthy') else 500)
        self.send_header('content-length', '0')
        self.end_headers()
server = http.server.ThreadingHTTPServer(('0.0.0.0', 443), App)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain('$NS_TMP/wd/cert.pem', '$NS_TMP/wd/key.pem')
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
EOF

MESH=$A
out=$(weft up -f "$DIR" --no-mesh --detach --bin-dir "$BIN" --timeout 20)
is "up ends with 0 when everything is ready" $? 0
has "... and names what is not honoured" "$out" 'Pod two/client: spec.volumes is not honoured'
for h in web.one web.one.svc web.one.svc.cluster.local; do
    is "the name $h leads to the Service (REQ-031)" "$(code client "http://$h:8000/")" 200
done
is "the short name does so in its own namespace (REQ-031)" "$(code one/web http://web:8000/)" 200
is "... and not in another" "$(code client http://web:8000/)" 000
seen=$(for _ in $(seq 20); do get client -4 http://web.one:8000/; done | grep -o '"pod":"[^"]*"' | sort -u | wc -l)
is "both replicas are behind the ClusterIP" "$seen" 2
if [ -e /proc/net/if_inet6 ]; then
    is "the Service has an IPv6 ClusterIP (REQ-030)" "$(code client -6 http://web.one:8000/)" 200
fi
is "an app may call its own Service" "$(for _ in 1 2 3 4 5 6; do code web http://web:8000/; done)" 200200200200200200
is "a written ClusterIP is kept" "$(code client http://10.96.7.7/)" 200
is "a written pod address is kept" "$(code client http://192.168.40.4/)" 200
is "a headless name is the pod's address (REQ-034)" \
    "$(pod client -- getent ahostsv4 headless.one | awk '{print $1; exit}')" 192.168.40.4
is "exec gives the command's status" "$(pod client -- sh -c 'exit 7'; echo $?)" 7
is "... under an unprivileged uid" "$(pod client -- id -u | grep -c '^20')" 1
is "... without capabilities" "$(pod client -- grep CapEff /proc/self/status | tr -d '\t ')" CapEff:0000000000000000
is "... with the host name of the pod" "$(pod client -- hostname)" client
# Process of the first container of the first pod whose name begins so; others may run beside.
pid_of() {
    weft status -o json | python3 -c 'import json, sys
print(next(p["containers"][0]["pid"] for p in json.load(sys.stdin)["pods"] if p["name"].startswith(sys.argv[1])))' "$1"
}
is "the app runs in its workingDir" \
    "$(readlink "/proc/$(pid_of web-)/cwd")" "$NS_TMP/wd"
is "there is no way out of the mesh" "$(code client --connect-timeout 2 http://192.0.2.1/)" 000

rm "$NS_TMP/ready"
wait_for "the probe" lost_endpoint 192.168.40.4:80
wait_for "no answer" answers 000 client http://10.96.7.7/
is "a failing exec probe takes the endpoint away" "$(code client http://10.96.7.7/)" 000
touch "$NS_TMP/ready"
weft status --wait 10 >/dev/null
wait_for "an answer" answers 200 client http://10.96.7.7/
is "... and a good one brings it back" "$(code client http://10.96.7.7/)" 200
is "an HTTPS probe takes any certificate" "$(code client -k https://10.96.7.8/)" 200
rm "$NS_TMP/wd/healthy"
wait_for "the HTTPS probe" lost_endpoint 192.168.40.5:443
wait_for "no answer" answers 000 client -k https://10.96.7.8/
is "... and asks, not only knocks" "$(code client -k https://10.96.7.8/)" 000
touch "$NS_TMP/wd/healthy"
weft status --wait 10 >/dev/null
wait_for "an answer" answers 200 client -k https://10.96.7.8/
is "... until the answer is good again" "$(code client -k https://10.96.7.8/)" 200
weft kill -c app one/fixed >/dev/null
weft status --wait 10 >/dev/null
has "an app that dies is started again" "$(weft status)" 'one/fixed +yes .*1 restarts'

sed -i 's/replicas: 2/replicas: 3/' "$DIR/app.yaml"
has "apply makes what is new" "$(weft apply)" '1 added, 0 removed, 5 unchanged'
sed -i 's/"--name", /"--greeting", "x", "--name", /; s/replicas: 3/replicas: 1/' "$DIR/app.yaml"
has "apply replaces what has changed" "$(weft apply)" '1 added, 3 removed, 3 unchanged'
is "... without an old pod left" "$(weft status | grep -c 'one/web-')" 1
echo 'kind: [' >"$DIR/broken.yaml"
out=$(weft apply)
is "apply of a broken file ends with 1" $? 1
has "... names the file and the line" "$out" 'broken.yaml:[12]'
is "... and leaves the rest as it was" "$(code client http://web.one:8000/)" 200
rm "$DIR/broken.yaml"

MESH=$B
weft up -f "$DIR" --no-mesh --detach --bin-dir "$BIN" --timeout 20 --state-dir "$NS_TMP/state/b" >/dev/null
is "a second mesh runs beside it, with a state folder of its own" $? 0
is "... and answers" "$("$BIN/weft" local exec --state-dir "$NS_TMP/state/b" client -- curl -s -m 5 -o /dev/null -w '%{http_code}' http://web.one:8000/)" 200
"$BIN/weft" local down --name "$B" --state-dir "$NS_TMP/state/b"
is "down ends with 0" $? 0
MESH=$A
is "... and leaves the other alone" "$(code client http://web.one:8000/)" 200
weft up -f "$DIR" --no-mesh --detach --bin-dir "$BIN" >/dev/null 2>&1
is "up of a name in use ends with 1" $? 1

pids=$(weft status -o json | sed -n 's/.*"p\(ausePi\|i\)d": \([1-9][0-9]*\).*/\2/p')
supervisor=$(weft status -o json | sed -n 's/^  "pid": \([0-9]*\).*/\1/p')
kill -9 "$supervisor"
weft status >/dev/null 2>&1
is "status without a supervisor ends with 1" $? 1
weft down >/dev/null
is "down clears up after a killed supervisor" $? 0
left=0
for p in $pids; do
    [ -e "/proc/$p/ns/net" ] && grep -q '^State:[^Z]*$' "/proc/$p/status" 2>/dev/null && left=$((left + 1))
done
is "... no process is left" "$left" 0
is "... no namespace" "$(ip netns | grep -c -- "$A")" 0
is "... no state folder" "$(ls -d /run/weft-local/$A 2>/dev/null)" ""
weft down >/dev/null 2>&1
is "down of nothing ends with 1" $? 1
finish
