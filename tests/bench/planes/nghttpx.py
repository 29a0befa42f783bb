# SPDX-License-Identifier: Apache-2.0
"""nghttpx pair (nghttp2 + llhttp + OpenSSL + libev: our own libraries).  Options: app=h1|h2 (the one app it serves), up=h1|h2
It forwards by host and path, not by original destination, so one run serves one app: app=h1 for h1, conn, body64k, h1r1000;
app=h2 (with BENCH_ANY=1, as its app answers the readiness request with 404) for h2."""
import shutil
_p = {}
CASES = ["h1", "h2", "conn", "body64k", "h1r1000"]
def args(ctx, side, o):
    c, app, up = ctx.certs, o.get("app", "h1"), o.get("up", "h2")
    port = ctx.APPS[app]
    a = [shutil.which("nghttpx"), "--conf=/dev/null", "-n1", "--no-via", "--log-level=ERROR", "--accesslog-file=/dev/null", "--errorlog-file=/dev/null",
         "--no-server-push", "--backend-keep-alive-timeout=300", "--no-add-x-forwarded-proto", "--worker-frontend-connections=0", "--backend-connections-per-host=16"]
    if side == "client":
        a += ["-f0.0.0.0,15001;no-tls", f"-b{ctx.ip['server']},{port};;tls;proto={'h2' if up=='h2' else 'http/1.1'};sni=server", f"--cacert={c}/ca.pem", f"--client-cert-file={c}/client.crt", f"--client-private-key-file={c}/client.key"]
    else:
        a += ["-f0.0.0.0,15006", f"-b127.0.0.1,{port};;proto={'http/1.1' if app=='h1' else 'h2'}", "--verify-client", f"--verify-client-cacert={c}/ca.pem", f"{c}/server.key", f"{c}/server.crt", "--npn-list=h2,http/1.1"]
    return a
def prepare(ctx, o): pass
def start(ctx, o):
    for pod in ("server", "client"):
        _p[pod] = [ctx.spawn(pod, args(ctx, pod, o) + ["--single-process"], name="nghttpx")]
def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()
def pids(ctx): return dict(_p)
