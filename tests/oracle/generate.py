# SPDX-License-Identifier: Apache-2.0
"""Random Services with routes, and requests to them, made so that every level of REQ-070 and REQ-124 decides
often. A part of the Services has GRPCRoutes, and some of those HTTPRoutes beside them (REQ-039)."""
import random

import naive

PATHS = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/v1', '/v1/items', '/x']
REGEXES = ['/a/[a-z]+', '/v[0-9]+(/.*)?', '/.*']
HEADERS = [('version', 'one'), ('version', 'two'), ('color', 'blue'), ('env', 'test')]
QUERIES = [('animal', 'whale'), ('animal', 'cat'), ('page', '1')]
METHODS = ['GET', 'POST', 'PUT', 'DELETE']


SERVICES = ['shop.Cart', 'shop.Carts', 'shop.v1.Cart', 'desk']
CALLS = ['Get', 'GetAll', 'Pay', 'get']
SERVICE_REGEXES = ['shop[.].*', 'shop.*', '.*[.]Cart', '.*', 'shop[.]Cart|desk']
CALL_REGEXES = ['Get.*', '[A-Z].*', 'Get|Pay']


def make_grpc_match(r):
    m, method = {}, {}
    regex = r.random() < 0.45
    if r.random() < 0.7:
        method['service'] = r.choice(SERVICE_REGEXES if regex else SERVICES)
    if r.random() < 0.5:
        method['method'] = r.choice(CALL_REGEXES if regex else CALLS)
    if method:
        m['method'] = dict(method, type='RegularExpression') if regex else dict(method, **r.choice([{}, {'type': 'Exact'}]))
    headers = dict(r.sample(HEADERS, r.choice([0, 0, 1, 1, 2])))
    if headers:
        m['headers'] = [{'name': r.choice([k, k.title()]), 'value': v} for k, v in headers.items()]
    return m


def make_match(r):
    m = {}
    kind = r.random()
    if kind < 0.25:
        m['path'] = {'type': 'Exact', 'value': r.choice(PATHS)}
    elif kind < 0.35:
        m['path'] = {'type': 'RegularExpression', 'value': r.choice(REGEXES)}
    elif kind < 0.85:
        m['path'] = {'type': 'PathPrefix', 'value': r.choice(PATHS)}
    if r.random() < 0.35:
        m['method'] = r.choice(METHODS[:2])
    headers = {}
    for name, value in r.sample(HEADERS, r.choice([0, 0, 0, 1, 1, 2])):
        headers.setdefault(name, value)
    if headers:
        m['headers'] = [{'name': r.choice([k, k.title()]), 'value': v} for k, v in headers.items()]
    queries = {}
    for name, value in r.sample(QUERIES, r.choice([0, 0, 0, 1, 1, 2])):
        queries.setdefault(name, value)
    if queries:
        m['queryParams'] = [{'name': k, 'value': v} for k, v in queries.items()]
    return m


def make_route(r, ns, name, service, service_ns, template, kind='HTTPRoute'):
    rules = []
    make = make_grpc_match if kind == 'GRPCRoute' else make_match
    for i in range(r.randint(1, 3)):
        matches = [dict(r.choice(template)) if template and r.random() < 0.6 else make(r)
                   for _ in range(r.randint(1, 2))]
        rules.append({'matches': matches,
                      'filters': [{'type': f'{side}HeaderModifier', f'{side.lower()}HeaderModifier':
                                   {'set': [{'name': 'x-rule', 'value': f'{ns}/{name}/{i}'}]}}
                                  for side in ('Request', 'Response')],
                      'backendRefs': [{'name': 'origin', 'namespace': 'backends', 'port': 80}]})
    ref = {'group': '', 'kind': 'Service', 'name': service, 'port': 80}
    if ns != service_ns:
        ref['namespace'] = service_ns
    return {'apiVersion': 'gateway.networking.k8s.io/v1', 'kind': kind,
            'metadata': {'name': name, 'namespace': ns,
                         'creationTimestamp': f'2026-01-0{r.randint(1, 2)}T00:00:00Z'},
            'spec': {'parentRefs': [ref], 'rules': rules}}


def make_service(r, index):
    """One Service with up to four routes that share some matches, so that later criteria decide. Every second
    one has GRPCRoutes; the kinds meet in either group."""
    ns, name = 'team', f'svc-{index:04d}'
    if r.random() < 0.5:
        template = [make_grpc_match(r) for _ in range(2)]
        routes = [make_route(r, ns, f'{name}-g{i}', name, ns, template, 'GRPCRoute') for i in range(r.randint(1, 3))]
        if r.random() < 0.4:
            routes.append(make_route(r, ns, f'{name}-r0', name, ns, None))
        if r.random() < 0.3:
            kind = r.choice(['GRPCRoute', 'HTTPRoute'])
            routes.append(make_route(r, 'client', f'{name}-c0', name, ns, None, kind))
            if kind == 'GRPCRoute' and r.random() < 0.5:
                routes.append(make_route(r, 'client', f'{name}-c1', name, ns, None))
        if r.random() < 0.3:
            routes.append({'apiVersion': 'gateway.networking.k8s.io/v1', 'kind': 'TCPRoute',
                           'metadata': {'name': f'{name}-t0', 'namespace': ns, 'creationTimestamp': '2026-01-01T00:00:00Z'},
                           'spec': {'parentRefs': [{'group': '', 'kind': 'Service', 'name': name, 'port': 80}],
                                    'rules': [{'backendRefs': [{'name': 'origin', 'namespace': 'backends', 'port': 80}]}]}})
        return {'ns': ns, 'name': name, 'routes': routes}
    template = [make_match(r) for _ in range(2)]
    routes = [make_route(r, ns, f'{name}-r{i}', name, ns, template) for i in range(r.randint(1, 4))]
    if r.random() < 0.25:
        routes.append(make_route(r, 'client', f'{name}-c0', name, ns, template))
    return {'ns': ns, 'name': name, 'routes': routes}


def make_call(r, match):
    """Sometimes not gRPC at all (REQ-129)."""
    m = match.get('method', {})
    exact = m.get('type', 'Exact') == 'Exact'
    service = m['service'] if exact and 'service' in m else r.choice(SERVICES)
    call = m['method'] if exact and 'method' in m else r.choice(CALLS)
    headers = [(h['name'].lower(), h['value']) for h in match.get('headers', [])]
    if r.random() < 0.3:
        extra = r.choice(HEADERS)
        headers += [] if extra[0] in dict(headers) else [extra]
    kind = r.choice(['application/grpc'] * 6 + ['application/grpc+proto', 'application/json', 'application/grpc-web', None])
    if kind:
        headers.append(('content-type', kind))
    return {'method': 'POST', 'headers': headers, 'target': f'/{service}/{call}'}


def make_request(r, service):
    route = r.choice([x for x in service['routes'] if x['kind'] != 'TCPRoute'])
    rule = r.choice(route['spec']['rules'])
    if route['kind'] == 'GRPCRoute':
        return make_call(r, r.choice(rule['matches']))
    m = r.choice(rule['matches'])
    p = m.get('path', {'type': 'PathPrefix', 'value': '/'})
    path = p['value'] if p['type'] != 'RegularExpression' else r.choice(['/a/bc', '/v1', '/v2/z'])
    if p['type'] == 'PathPrefix' and r.random() < 0.5:
        path = path.rstrip('/') + r.choice(['/', '/b', '/b/c', 'b', '/items'])
    path = path if path.startswith('/') else '/' + path
    headers = [(h['name'].lower(), h['value']) for h in m.get('headers', [])]
    query = [(q['name'], q['value']) for q in m.get('queryParams', [])]
    if r.random() < 0.3:
        extra = r.choice(HEADERS)
        headers += [] if extra[0] in dict(headers) else [extra]
    if r.random() < 0.3:
        extra = r.choice(QUERIES)
        query += [extra]
    r.shuffle(headers)
    text = '&'.join(f'{k}={v}' for k, v in query)
    return {'method': m.get('method', r.choice(METHODS)), 'headers': headers,
            'target': path + (f'?{text}' if text else '')}


def generate(seed, pairs, least):
    """-> services, [(service, request, expected, level)], counts per level."""
    r = random.Random(seed)
    services, cases, counts, index = [], [], [0] * len(naive.LEVELS + naive.GRPC_LEVELS), 0
    while len(cases) < pairs:
        s = make_service(r, index)
        kept = []
        for _ in range(30):
            q = make_request(r, s)
            routes = naive.effective_routes(s['routes'], s['name'], s['ns'], 80, 'client')
            expected, level = naive.decide(routes, q['method'], q['target'], q['headers'])
            rare = level is not None and counts[level] < least
            room = pairs - len(cases) - len(kept) > sum(max(0, least - c) for c in counts)
            if len(kept) < 12 and (rare or (room and r.random() < 0.3)):
                kept.append((s, q, expected, level))
                if level is not None:
                    counts[level] += 1
        if kept:
            index += 1
            services.append(s)
            cases += kept
    return services, cases, counts
