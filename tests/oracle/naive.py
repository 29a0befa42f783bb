# SPDX-License-Identifier: Apache-2.0
"""A matcher written from the requirements alone (REQ-019..022, 036..041, 061..073, 120..125, 129), as slow
and plain as they read. It shares no code with the product: it works on the manifests as Python data."""
import re
from urllib.parse import unquote_plus

LEVELS = ['exact path', 'prefix length', 'method', 'headers', 'query', 'age', 'name', 'rule']
GRPC_LEVELS = ['gRPC how', 'gRPC service', 'gRPC method', 'gRPC headers', 'gRPC age', 'gRPC name', 'gRPC rule']
KINDS = ['GRPCRoute', 'HTTPRoute', 'TLSRoute', 'TCPRoute']  # REQ-039, in order


def effective_routes(routes, service, service_ns, port, client_ns):
    """REQ-019 to 022: consumer routes of the client's namespace, else the producer's. REQ-039: of either
    group the routes of one kind. TLSRoutes and TCPRoutes are never in force."""
    def targets(route, ref):
        return (ref.get('group') == '' and ref.get('kind') == 'Service' and ref['name'] == service
                and ref.get('namespace', route['metadata']['namespace']) == service_ns
                and ref.get('port', port) == port)
    bound = [r for r in routes if r['kind'] in KINDS[:2] and any(targets(r, ref) for ref in r['spec']['parentRefs'])]
    consumer = [r for r in bound if r['metadata']['namespace'] == client_ns != service_ns]
    producer = [r for r in bound if r['metadata']['namespace'] == service_ns]
    group = consumer or producer
    first = min((KINDS.index(r['kind']) for r in group), default=0)
    return [r for r in group if r['kind'] == KINDS[first]]


def path_matches(match, path):
    p = match.get('path', {'type': 'PathPrefix', 'value': '/'})
    kind, value = p.get('type', 'PathPrefix'), p.get('value', '/')
    if kind == 'Exact':            # REQ-064
        return path == value
    if kind == 'RegularExpression':  # REQ-066: the whole path
        return re.fullmatch(value, path) is not None
    prefix = value.rstrip('/')     # REQ-065: element by element, trailing slash ignored
    return path == prefix or path.startswith(prefix + '/')


def text_matches(kind, want, have):
    if have is None:
        return False
    return re.fullmatch(want, have) is not None if kind == 'RegularExpression' else have == want


def headers_match(match, headers):
    seen = set()
    for h in match.get('headers', []):
        name = h['name'].lower()
        if name in seen:           # REQ-067: only the first of equivalent names counts
            continue
        seen.add(name)
        values = [v for k, v in headers if k.lower() == name]
        if not text_matches(h.get('type', 'Exact'), h['value'], ','.join(values) if values else None):
            return False
    return True


def query_matches(match, query):
    have = {}
    for part in (query.split('&') if query else []):
        k, _, v = part.partition('=')
        have.setdefault(unquote_plus(k), unquote_plus(v))  # REQ-068: first occurrence
    seen = set()
    for q in match.get('queryParams', []):
        if q['name'] in seen:
            continue
        seen.add(q['name'])
        if not text_matches(q.get('type', 'Exact'), q['value'], have.get(q['name'])):
            return False
    return True


def distinct(items, key):
    return len({key(i['name']) for i in items})


def rank(route, rule_index, match_index, match):
    """REQ-070 to 072 as a tuple; smaller wins."""
    p = match.get('path', {'type': 'PathPrefix', 'value': '/'})
    kind, value = p.get('type', 'PathPrefix'), p.get('value', '/')
    length = len(value.rstrip('/')) if kind == 'PathPrefix' else len(value)
    order = {'Exact': 0, 'RegularExpression': 1, 'PathPrefix': 2}[kind]
    meta = route['metadata']
    return (order,
            -length,
            0 if 'method' in match else 1,
            -distinct(match.get('headers', []), str.lower),
            -distinct(match.get('queryParams', []), str),
            meta['creationTimestamp'],
            f"{meta['namespace']}/{meta['name']}",
            rule_index, match_index)


def grpc_matches(match, service, method):
    """REQ-121, 122: what is not given matches any."""
    m = match.get('method')
    if not m:
        return True
    regex = m.get('type', 'Exact') == 'RegularExpression'

    def one(want, have):
        if not want:
            return True
        return re.fullmatch(want, have) is not None if regex else want == have
    return one(m.get('service'), service) and one(m.get('method'), method)


def grpc_rank(route, rule_index, match_index, match):
    """REQ-124: characters of the service, of the method, headers, age, name, rule. Ours to say is where patterns
    stand: what is Exact in the service before what is not, then the same for the method."""
    m, meta = match.get('method') or {}, route['metadata']
    service, method = m.get('service', ''), m.get('method', '')
    regex = m.get('type', 'Exact') == 'RegularExpression'
    if service:
        how = 1 if regex else 0
    elif method:
        how = 3 if regex else 2
    else:
        how = 4
    return (how, -len(service), -len(method), -distinct(match.get('headers', []), str.lower),
            meta['creationTimestamp'], f"{meta['namespace']}/{meta['name']}", rule_index, match_index)


def decide(routes, method, target, headers):
    """-> (route, rule index) or None, and the level of REQ-070 or REQ-124 that decided between the two best."""
    path, _, query = target.partition('?')
    grpc = bool(routes) and routes[0]['kind'] == 'GRPCRoute'
    is_call = any(k == 'content-type' and (v == 'application/grpc' or v.startswith('application/grpc+')) for k, v in headers)
    if grpc and not is_call:  # REQ-129
        return None, None
    found = []
    for route in routes:
        for i, rule in enumerate(route['spec'].get('rules') or ([] if grpc else [{}])):
            for j, match in enumerate(rule.get('matches') or [{}]):
                if grpc:
                    _, service, name = path.split('/', 2)
                    if grpc_matches(match, service, name) and headers_match(match, headers):
                        found.append((grpc_rank(route, i, j, match), route, i))
                    continue
                if ('method' in match and match['method'] != method) or not path_matches(match, path):
                    continue
                if headers_match(match, headers) and query_matches(match, query):
                    found.append((rank(route, i, j, match), route, i))
    if not found:
        return None, None
    found.sort(key=lambda f: f[0])
    best = found[0]
    others = [f for f in found[1:] if (f[1]['metadata'], f[2]) != (best[1]['metadata'], best[2])]
    level = None
    if others:
        for n, (a, b) in enumerate(zip(best[0], others[0][0])):
            if a != b:
                level = len(LEVELS) + min(n, len(GRPC_LEVELS) - 1) if grpc else min(n, len(LEVELS) - 1)
                break
    return (best[1], best[2]), level
