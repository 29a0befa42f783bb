# SPDX-License-Identifier: Apache-2.0
"""Random Services with routes, and requests to them, made so that every level of REQ-070 decides often."""
import random

import naive

PATHS = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/v1', '/v1/items', '/x']
REGEXES = ['/a/[a-z]+', '/v[0-9]+(/.*)?', '/.*']
HEADERS = [('version', 'one'), ('version', 'two'), ('color', 'blue'), ('env', 'test')]
QUERIES = [('animal', 'whale'), ('animal', 'cat'), ('page', '1')]
METHODS = ['GET', 'POST', 'PUT', 'DELETE']


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


def make_route(r, ns, name, service, service_ns, template):
    rules = []
    for i in range(r.randint(1, 3)):
        matches = [dict(r.choice(template)) if template and r.random() < 0.6 else make_match(r)
                   for _ in range(r.randint(1, 2))]
        rules.append({'matches': matches,
                      'filters': [{'type': 'RequestHeaderModifier', 'requestHeaderModifier':
                                   {'set': [{'name': 'x-rule', 'value': f'{ns}/{name}/{i}'}]}}],
                      'backendRefs': [{'name': 'origin', 'namespace': 'backends', 'port': 80}]})
    ref = {'group': '', 'kind': 'Service', 'name': service, 'port': 80}
    if ns != service_ns:
        ref['namespace'] = service_ns
    return {'apiVersion': 'gateway.networking.k8s.io/v1', 'kind': 'HTTPRoute',
            'metadata': {'name': name, 'namespace': ns,
                         'creationTimestamp': f'2026-01-0{r.randint(1, 2)}T00:00:00Z'},
            'spec': {'parentRefs': [ref], 'rules': rules}}


def make_service(r, index):
    """One Service with up to four routes that share some matches, so that later criteria decide."""
    ns, name = 'team', f'svc-{index:04d}'
    template = [make_match(r) for _ in range(2)]
    routes = [make_route(r, ns, f'{name}-r{i}', name, ns, template) for i in range(r.randint(1, 4))]
    if r.random() < 0.25:
        routes.append(make_route(r, 'client', f'{name}-c0', name, ns, template))
    return {'ns': ns, 'name': name, 'routes': routes}


def make_request(r, service):
    rule = r.choice(r.choice(service['routes'])['spec']['rules'])
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
    services, cases, counts, index = [], [], [0] * len(naive.LEVELS), 0
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
