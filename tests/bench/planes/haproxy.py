# SPDX-License-Identifier: Apache-2.0
"""haproxy pair, nbthread 1.  Options: up=h1|h2 (protocol between the sidecars; default h1)
haproxy 2.6 cannot read a URI SAN: it checks the peer's CN (client's) and the DNS SAN (server's) instead."""
import shutil
_p = {}
def conf(ctx, side, o):
    c, up = ctx.certs, o.get("up", "h1")
    alpn = "h2" if up == "h2" else "http/1.1"
    s = f"""global
  nbthread {o.get('t', '1')}
  maxconn 8000
  no log
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-curves X25519
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 15s
  timeout http-keep-alive 300s
  option http-keep-alive
  http-reuse always
  retries 2
"""
    if side == "client":
        s += "frontend out\n  bind 0.0.0.0:15001 backlog 8192\n"
        for p in ctx.APPS.values(): s += f"  use_backend b{p} if {{ dst_port {p} }}\n"
        for p in ctx.APPS.values():
            s += f"""backend b{p}
  retry-on conn-failure empty-response 500 502 503 504
  server s {ctx.ip['server']}:{p} ssl verify required ca-file {c}/ca.pem crt {c}/client.pem verifyhost server sni str(server) alpn {alpn} ssl-min-ver TLSv1.3
"""
    else:
        s += f"frontend in\n  bind 0.0.0.0:15006 backlog 8192 ssl crt {c}/server.pem ca-file {c}/ca.pem verify required alpn h2,http/1.1 ssl-min-ver TLSv1.3\n"
        s += "  http-request deny unless { ssl_c_s_dn(CN) client }\n"
        for p in ctx.APPS.values(): s += f"  use_backend b{p} if {{ dst_port {p} }}\n"
        for a, p in ctx.APPS.items(): s += f"backend b{p}\n  server s 127.0.0.1:{p}{'' if a == 'h1' else ' proto h2'}\n"
    return s
def prepare(ctx, o):
    for pod in ctx.ns: ctx.write(f"haproxy-{pod}.cfg", conf(ctx, pod, o))
def start(ctx, o):
    for pod in ("server", "client"):
        _p[pod] = [ctx.spawn(pod, [shutil.which("haproxy"), "-db", "-f", f"{ctx.work}/haproxy-{pod}.cfg"], name="haproxy")]
def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()
def pids(ctx): return dict(_p)
