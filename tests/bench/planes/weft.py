# SPDX-License-Identifier: Apache-2.0
"""Weft pair as deployed: redirection, mTLS, a Service with 10 rules, metrics on, access log off; a
snapshot instead of a controller.  Options: w=1|2 (--workers), rules=N, bin=DIR (another build, to compare two in one run)"""
import os, subprocess, time

CLUSTER_IP = "10.96.0.10"
CHANGED = 307       # what a changed route answers: an HTTPRoute can redirect, not answer 418
BIN = os.environ.get("WEFT_BIN") or os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..", "build", "bin")
_p = {}

def program(name): return os.path.realpath(os.path.join(BIN, name))
def address(ctx): return CLUSTER_IP

def pod(ctx, side):
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: {side}, namespace: default, annotations: {{weftmesh.io/sidecar: "1"}}}}
spec: {{serviceAccountName: {side}, containers: [{{name: app, image: app}}]}}
status: {{podIP: {ctx.ip[side]}, phase: Running}}
---
"""

def rule(path, changed):
    if changed:
        return f"""  - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
    filters: [{{type: RequestRedirect, requestRedirect: {{hostname: changed.example, statusCode: 307}}}}]
"""
    return f"""  - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
    filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplaceFullPath, replaceFullPath: /}}}}}}]
    backendRefs: [{{name: svc, port: 8080}}]
"""

def routes(n, changed):
    """HTTPRoutes have at most 16 rules: n path rules in as many routes as that takes, and a catch-all."""
    out, per = "", 15
    for start in range(0, n, per):
        out += f"""apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{start // per:05d}, namespace: default}}
spec:
  parentRefs: [{{group: "", kind: Service, name: svc, port: 8080}}]
  rules:
"""
        for i in range(start, min(n, start + per)):
            out += rule(f"/api/v1/r{i}", changed and i == n - 1)
        out += "---\n"
    return out

def manifests(ctx, n, changed=False):
    ports = "".join(f"  - {{name: {a}, port: {p}, targetPort: {p}, appProtocol: {dict(h1='http', h2='kubernetes.io/h2c', grpc='kubernetes.io/h2c')[a]}}}\n" for a, p in ctx.APPS.items())
    slices = "".join(f"  - {{name: {a}, port: {p}, protocol: TCP}}\n" for a, p in ctx.APPS.items())
    return pod(ctx, "client") + pod(ctx, "server") + f"""apiVersion: v1
kind: Service
metadata: {{name: svc, namespace: default}}
spec:
  clusterIP: {CLUSTER_IP}
  selector: {{app: server}}
  ports:
{ports}---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: svc-1, namespace: default, labels: {{kubernetes.io/service-name: svc}}}}
addressType: IPv4
ports:
{slices}endpoints:
  - {{addresses: [{ctx.ip["server"]}], conditions: {{ready: true}}, targetRef: {{kind: Pod, name: server, namespace: default}}}}
---
""" + "".join(f"""apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: all-{a}, namespace: default}}
spec:
  parentRefs: [{{group: "", kind: Service, name: svc, port: {p}}}]
  rules:
  - backendRefs: [{{name: svc, port: {p}}}]
---
""" for a, p in ctx.APPS.items()) + routes(n, changed)

def compile(ctx, n, changed=False):
    ctx.write("manifests.yaml", manifests(ctx, n, changed))
    tmp = os.path.join(ctx.work, "snapshot.new")
    subprocess.run([program("weft"), "compile", "-f", os.path.join(ctx.work, "manifests.yaml"), "--from", "default", "-o", tmp], check=True)
    os.chmod(tmp, 0o644)
    os.rename(tmp, os.path.join(ctx.work, "snapshot"))

def prepare(ctx, o):
    compile(ctx, int(o.get("routes", o.get("rules", 10))))
    ctx.in_pod("client", "ip", "route", "replace", CLUSTER_IP, "dev", "eth0")

def start(ctx, o):
    for side in ("server", "client"):
        _p[side] = [ctx.spawn(side, [os.path.join(os.path.realpath(o["bin"]) if "bin" in o else os.path.dirname(program("weft-proxy")), "weft-proxy"), "--snapshot", f"{ctx.work}/snapshot", "--workers", o.get("w", "1"),
                                     "--cert", f"{ctx.certs}/{side}.crt", "--key", f"{ctx.certs}/{side}.key", "--trust-bundle", f"{ctx.certs}/ca.pem",
                                     "--namespace", "default", "--pod", side, "--pod-ip", ctx.ip[side], "--access-log", "off"], name="weft-proxy")]

def check(ctx):
    """A request must have been routed, not passed through untouched: the redirecting rule answers."""
    for side in ("client",):
        with ctx.inside(side):
            import urllib.request
            text = urllib.request.urlopen("http://127.0.0.1:15000/metrics", timeout=5).read().decode()
    n = sum(float(l.rsplit(" ", 1)[1]) for l in text.splitlines() if l.startswith("weft_requests_total") and 'service="default/svc:' in l)
    if n < 1:
        raise RuntimeError("the client sidecar counted no routed request: connections were passed through")

def tls_client(ctx):
    return {"ca": f"{ctx.certs}/ca.pem", "key": f"{ctx.certs}/client.key", "crt": f"{ctx.certs}/client.crt", "alpn": "weft-h1"}

def route_probe(n, kind): return f"/api/v1/r{n - 1}", "svc"

def change_route(ctx, o):
    n = int(o["routes"])
    ctx.write("manifests.yaml", manifests(ctx, n, True))
    tmp = os.path.join(ctx.work, "snapshot.new")
    subprocess.run([program("weft"), "compile", "-f", os.path.join(ctx.work, "manifests.yaml"), "--from", "default", "-o", tmp], check=True)
    os.chmod(tmp, 0o644)
    t = time.time()
    os.rename(tmp, os.path.join(ctx.work, "snapshot"))
    return t

def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()

def pids(ctx): return dict(_p)
