# SPDX-License-Identifier: Apache-2.0
"""Envoy pair.  Options: c=1|2 (--concurrency), up=h1|h2 (protocol between the sidecars)
envoy = c=1, up=h2.  Static bootstrap; the outbound route table can come from a watched file (RDS) for --routes."""
import json, os, time

_p = {}

def tls(ctx, side, peer, alpn):
    c = ctx.certs
    common = {"tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3", "ecdh_curves": ["X25519"]},
              "tls_certificates": [{"certificate_chain": {"filename": f"{c}/{side}.crt"}, "private_key": {"filename": f"{c}/{side}.key"}}],
              "validation_context": {"trusted_ca": {"filename": f"{c}/ca.pem"},
                                     "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": f"spiffe://cluster.local/ns/default/sa/{peer}"}}]},
              "alpn_protocols": alpn}
    if side == "client":
        return {"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                                                "common_tls_context": common, "sni": "svc"}}
    return {"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                                            "common_tls_context": common, "require_client_certificate": True}}

def proto(p):
    x = {"http2_protocol_options": {"max_concurrent_streams": 1000}} if p == "h2" else {"http_protocol_options": {}}
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": x}}

def cluster(name, ip, port, p, sock=None):
    big = 4294967295
    c = {"name": name, "type": "STATIC", "connect_timeout": "5s", "typed_extension_protocol_options": proto(p),
         "circuit_breakers": {"thresholds": [{"max_connections": big, "max_pending_requests": big, "max_requests": big, "max_retries": big}]},
         "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": ip, "port_value": port}}}}]}]}}
    if sock:
        c["transport_socket"] = sock
    return c

def action(cl):
    return {"cluster": cl, "timeout": "15s", "retry_policy": {"retry_on": "connect-failure,refused-stream,5xx", "num_retries": 2}}

def route_conf(name, port, cl, n=0, kind="vhost", changed=False):
    last = {"direct_response": {"status": 418}} if changed else {"route": action(cl)}
    vh = []
    if kind == "vhost":
        for i in range(n):
            a = last if i == n - 1 else {"route": action(cl)}
            vh.append({"name": f"svc{i}", "domains": [f"svc{i}.ns{i % 50}.svc.cluster.local", f"svc{i}.ns{i % 50}.svc.cluster.local:{port}"], "routes": [{"match": {"prefix": "/"}, **a}]})
        vh.append({"name": "any", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": action(cl)}]})
    else:   # n path rules in one virtual host: first match wins, tried in order
        one = {"route": {**action(cl), "prefix_rewrite": "/"}}
        rs = [{"match": {"path_separated_prefix": f"/api/v1/r{i}"}, **(last if changed and i == n - 1 else one)} for i in range(n)]
        vh.append({"name": "any", "domains": ["*"], "routes": rs + [{"match": {"prefix": "/"}, "route": action(cl)}]})
    return {"name": name, "virtual_hosts": vh}

def hcm(prefix, rc, **k):
    h = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
         "stat_prefix": prefix, "codec_type": "AUTO", "stream_idle_timeout": "300s",
         "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}], **rc, **k}
    return [{"name": "hcm", "typed_config": h}]

def listener(name, port, chains):
    return {"name": name, "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
            "listener_filters": [{"name": "od", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"}}],
            "filter_chains": chains}

def boot(side, listeners, clusters):
    return {"node": {"id": side, "cluster": "bench"}, "static_resources": {"listeners": listeners, "clusters": clusters}}

def prepare(ctx, o):
    up = o.get("up", "h2"); alpn = ["h2"] if up == "h2" else ["http/1.1"]
    n, kind = int(o.get("routes", 0)), o.get("route_kind", "vhost")
    ch, cl = [], []
    for app, port in ctx.APPS.items():
        name = f"out_{port}"
        if n and port == 8080:
            ctx.write("rds.json", rds(name, port, n, kind))
            rc = {"rds": {"route_config_name": name, "config_source": {"path_config_source": {"path": os.path.join(ctx.work, "rds.json")}, "resource_api_version": "V3"}}}
        else:
            rc = {"route_config": route_conf(name, port, name)}
        ch.append({"filter_chain_match": {"destination_port": port}, "filters": hcm("out", rc)})
        cl.append(cluster(name, ctx.ip["server"], port, up, tls(ctx, "client", "server", alpn)))
    ctx.write("envoy-client.json", json.dumps(boot("client", [listener("outbound", 15001, ch)], cl)))
    ch, cl = [], []
    for app, port in ctx.APPS.items():
        name = f"in_{port}"
        ch.append({"filter_chain_match": {"destination_port": port}, "filters": hcm("in", {"route_config": {"name": name, "virtual_hosts": [
            {"name": "in", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}]}]}}),
            "transport_socket": tls(ctx, "server", "client", ["h2", "http/1.1"])})
        cl.append(cluster(name, "127.0.0.1", port, "h1" if app == "h1" else "h2"))
    ctx.write("envoy-server.json", json.dumps(boot("server", [listener("inbound", 15006, ch)], cl)))

def start(ctx, o):
    for i, pod in enumerate(("server", "client")):
        _p[pod] = [ctx.spawn(pod, [os.path.realpath(ctx.bin + "/envoy"), "-c", f"{ctx.work}/envoy-{pod}.json", "--concurrency", o.get("c", "1"),
                                   "-l", "error", "--base-id", os.getpid() * 2 % 1000000 + i, "--disable-hot-restart"], name="envoy")]

def stop(ctx):
    for v in _p.values(): ctx.kill(*v)
    _p.clear()

def pids(ctx): return dict(_p)

# --routes
def rds(name, port, n, kind, changed=False):
    return json.dumps({"version_info": str(time.time()), "resources": [{"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", **route_conf(name, port, name, n, kind, changed)}]})

def route_probe(n, kind):
    return ("/", f"svc{n - 1}.ns{(n - 1) % 50}.svc.cluster.local") if kind == "vhost" else (f"/api/v1/r{n - 1}", "svc")

def change_route(ctx, o):
    text = rds("out_8080", 8080, int(o["routes"]), o["route_kind"], True)
    t = time.time()
    ctx.write("rds.json", text)
    return t
