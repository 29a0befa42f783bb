# SPDX-License-Identifier: Apache-2.0
"""nginx pair, one worker, keep-alive upstreams.  HTTP/1.1 between the sidecars for port 8080; grpc_pass (one
request at a time on each upstream connection) for the h2 ports.  nginx cannot read the original destination, so
each application port gets a listening port of its own (8080->15001, 8081->15011, 8082->15021, inbound 15006/16/26).
nginx 1.22 cannot read a URI SAN: the peer's CN and DNS SAN are checked instead."""
import shutil
_p = {}
PORT = {"client": 15001, "server": 15006}
def conf(ctx, side, o):
    c, w = ctx.certs, f"{ctx.work}/ng-{side}"
    s = f"""daemon off; master_process off; worker_processes 1; pid {w}.pid; error_log /dev/null crit; worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{ access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 3600s; server_tokens off;
 client_body_temp_path {w}-b; proxy_temp_path {w}-p; fastcgi_temp_path {w}-f; uwsgi_temp_path {w}-u; scgi_temp_path {w}-s; proxy_buffers 16 16k; proxy_buffer_size 16k; proxy_max_temp_file_size 0;
 ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; grpc_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
"""
    for i, (a, p) in enumerate(ctx.APPS.items()):
        h2 = a != "h1"; m = "grpc" if h2 else "proxy"; ip = ctx.ip["server"] if side == "client" else "127.0.0.1"
        s += f" upstream u{p} {{ server {ip}:{p}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 3600s; }}\n"
        tls_in = "" if side == "client" else f"ssl_certificate {c}/server.crt; ssl_certificate_key {c}/server.key; ssl_client_certificate {c}/ca.pem; ssl_verify_client on; ssl_session_cache shared:s:1m;"
        chk = "" if side == "client" else "if ($ssl_client_s_dn != CN=client) { return 403; }"
        tls_up = f"{m}_ssl_certificate {c}/client.crt; {m}_ssl_certificate_key {c}/client.key; {m}_ssl_trusted_certificate {c}/ca.pem; {m}_ssl_verify on; {m}_ssl_name server; {m}_ssl_protocols TLSv1.3;" if side == "client" else ""
        sch = ("grpcs" if h2 else "https") if side == "client" else ("grpc" if h2 else "http")
        more = "" if h2 else 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'
        s += f""" server {{ listen {PORT[side] + i * 10} backlog=8192 {'ssl' if side == 'server' else ''} {'http2' if h2 else ''}; http2_max_requests 1000000000; {tls_in}
  location / {{ {chk} {m}_pass {sch}://u{p}; {more} {m}_read_timeout 15s; {m}_next_upstream error timeout http_502 http_503; {m}_next_upstream_tries 2; {tls_up} }} }}
""".replace("http2_max_requests 1000000000;", "")
    return s + "}\n"
def prepare(ctx, o):
    for pod in ctx.ns:
        ctx.write(f"nginx-{pod}.conf", conf(ctx, pod, o))
        for i, p in enumerate(ctx.APPS.values()):
            if i:
                if pod == "client": ctx.iptables(pod, "-I", "MESH_OUT", "3", "-p", "tcp", "--dport", str(p), "-j", "REDIRECT", "--to-ports", str(15001 + 10 * i))
                else: ctx.iptables(pod, "-I", "MESH_IN", "1", "-p", "tcp", "--dport", str(p), "-j", "REDIRECT", "--to-ports", str(15006 + 10 * i))
def start(ctx, o):
    import os
    os.chmod(ctx.work, 0o777)          # nginx makes its temporary folders there
    for pod in ("server", "client"):
        _p[pod] = [ctx.spawn(pod, [shutil.which("nginx"), "-c", f"{ctx.work}/nginx-{pod}.conf", "-e", "/dev/null"], name="nginx")]
def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()
def pids(ctx): return dict(_p)
