# SPDX-License-Identifier: Apache-2.0
"""The floor: a single-threaded epoll relay in each pod, no parsing.
relay            plain TCP on all three hops
relay:tls=1      mutual TLS 1.3 (OpenSSL) between the two
relay:splice=1   plain TCP with splice(2)
One upstream connection for each client connection (no pool)."""
import os
def CASES(o):
    c = ["h1", "h2", "grpc", "body64k", "body1m", "h1r1000", "h1r4000", "h2r1000", "h2r4000", "conn", "idle"]
    return c + ["idletls", "hs", "hsres"] if o.get("tls") else c
_p = {}
def start(ctx, o):
    r, c = os.path.join(ctx.bin, "relay"), ctx.certs
    x = ["-s"] if o.get("splice") else []
    t = lambda side: ["-t", side, "-C", c + "/ca.pem", "-c", f"{c}/{side}.crt", "-k", f"{c}/{side}.key"] if o.get("tls") else []
    _p["server"] = [ctx.spawn("server", [r, *x, *t("server"), "-a", "127.0.0.1", "15006"])]
    _p["client"] = [ctx.spawn("client", [r, *x, *t("client"), "15001"])]
def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()
def pids(ctx): return dict(_p)
