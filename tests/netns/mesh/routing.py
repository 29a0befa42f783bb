# SPDX-License-Identifier: Apache-2.0
"""Which traffic routes rule, and what their rules do, through two sidecars."""
import collections, json, os, re, time
from lab import equal, ok, wait_for
from world import redirect, rewrite, route, rule, says, to

CLIENT = 'shop/client'


def routes():
    codes = {'codes': [500], 'attempts': 3, 'backoff': '10ms'}
    set_all = {'set': [{'name': 'X-Set', 'value': 'new'}], 'add': [{'name': 'X-Add', 'value': 'more'}], 'remove': ['X-Remove']}
    return [
        # v1 has a route on port 80 alone, v2 on all its ports.
        route('shop', 'web-v1', [rule(to('web-v1'), filters=[says('x-route', 'v1')])], port=80),
        route('shop', 'web-v2', [rule(to('web-v2'), filters=[says('x-route', 'v2')])]),
        route('away', 'consumer', [rule(to('web', ns='shop'), path='/shared', filters=[says('x-route', 'consumer')])], parent='web', parent_ns='shop'),
        route('shop', 'split', [rule(to('web-v1', 70), to('web-v2', 30), to('nobody', 0))]),
        route('shop', 'match', [
            rule(to('web-v1'), path='/v1'), rule(to('web-v2'), headers={'version': 'two'}),
            rule(to('web-v2'), exact='/exact')]),
        route('shop', 'broken', [
            rule(to('nobody'), path='/missing'), rule(path='/empty'), rule(to('shared'), path='/none'),
            rule(to('web-v1', 1), to('nobody', 1), path='/half'), rule(to('plain', ns='bare'), path='/plain')]),
        route('shop', 'slow', [
            rule(to('web-v1'), path='/request', timeouts={'request': '500ms'}),
            rule(to('web-v1'), path='/backend', timeouts={'backendRequest': '500ms'}),
            rule(to('web-v1'), path='/never', timeouts={'request': '0s'})]),
        route('shop', 'again', [rule(to('web-v1'), path='/codes', retry=codes), rule(to('web-v1'), path='/reset', retry={'attempts': 3}),
                                rule(to('web-v1'), path='/none')]),
        route('shop', 'mods', [
            rule(to('web-v1'), path='/request', filters=[{'type': 'RequestHeaderModifier', 'requestHeaderModifier': set_all}]),
            rule({**to('web-v1'), 'filters': [{'type': 'RequestHeaderModifier', 'requestHeaderModifier': set_all}]}, path='/backend'),
            rule(to('web-v1'), path='/response', filters=[{'type': 'ResponseHeaderModifier', 'responseHeaderModifier': {
                'set': [{'name': 'X-Echo-Pod', 'value': 'replaced'}], 'add': [{'name': 'Content-Type', 'value': 'more'}], 'remove': ['date']}}])]),
        route('shop', 'moved', [
            redirect('/host', hostname='example.org'), redirect('/both', hostname='example.org', statusCode=301),
            redirect('/secure', scheme='https'), redirect('/port', port=8083), redirect('/same', statusCode=308),
            redirect('/full', path={'type': 'ReplaceFullPath', 'replaceFullPath': '/whole'}),
            redirect('/old', path={'type': 'ReplacePrefixMatch', 'replacePrefixMatch': '/new'}, statusCode=303)]),
        route('shop', 'rewritten', [
            rule(to('web-v1'), path='/prefix/one', filters=[rewrite(path={'type': 'ReplacePrefixMatch', 'replacePrefixMatch': '/one'})]),
            rule(to('web-v1'), path='/strip', filters=[rewrite(path={'type': 'ReplacePrefixMatch', 'replacePrefixMatch': '/'})]),
            rule(to('web-v1'), path='/full', filters=[rewrite(path={'type': 'ReplaceFullPath', 'replaceFullPath': '/one'})]),
            rule(to('web-v1'), path='/host', filters=[rewrite(hostname='one.example.org')])]),
    ]


def names(m):
    for spelling in ('web-v2', 'web-v2.shop', 'web-v2.shop.svc', 'web-v2.shop.svc.cluster.local'):
        r = m.get(CLIENT, f'http://{spelling}/')
        ok(f'the route rules {spelling} (REQ-031)', r.header('x-route') == 'v2' and r.pod.startswith('web-v2'), r)
    r = m.get('away/client', 'http://web-v2.shop/')
    ok('a producer route rules callers of every namespace (REQ-019)', r.header('x-route') == 'v2', r)
    r = m.get(CLIENT, 'http://web-v2/', '-H', 'host: web-v2:80')
    equal('Host keeps its port (REQ-060)', r.echo.get('host'), 'web-v2:80')
    r = m.get(CLIENT, 'http://web-v2:8080/')
    equal('... as curl writes it (REQ-060)', r.echo.get('host'), 'web-v2:8080')


def addresses(m):
    v1, v2 = m.service('shop', 'web-v1')['clusterIPs'], m.service('shop', 'web-v2')['clusterIPs']
    equal('a Service has a ClusterIP of each family (REQ-030)', len(v2), 2)
    for ip in v2:
        host = f'[{ip}]' if ':' in ip else ip
        family = 'IPv6' if ':' in ip else 'IPv4'
        r = m.get(CLIENT, f'http://{host}/')
        ok(f'the route rules its {family} ClusterIP (REQ-030)', r.header('x-route') == 'v2', r)
        ok(f'... with the Host as it came over {family} (REQ-060)', r.echo.get('host') == host, r)
    for ip in (i['ip'] for i in m.pod('shop/web-v2')['ips']):
        host = f'[{ip}]' if ':' in ip else ip
        r = m.get(CLIENT, f'http://{host}:8080/')
        ok(f'no route rules the pod address {host} (REQ-028)', r.status == 200 and r.header('x-route') is None, r)
        ok('... and the connection is mTLS (REQ-028)', r.seen('x-forwarded-client-cert') and '/sa/client' in r.seen('x-forwarded-client-cert'), r)
    r = m.get(CLIENT, 'http://heads:8080/')
    ok('a headless name leads to pods, without routes (REQ-034)', r.status == 200 and r.header('x-route') is None, r)
    ok('... over mTLS (REQ-034)', r.seen('x-forwarded-client-cert'), r)
    r = m.get(CLIENT, f'http://{v2[0]}/', '-H', 'Host: web-v1')
    ok('dialled v2 with Host v1: the route of v2 (REQ-029)', r.header('x-route') == 'v2' and r.pod.startswith('web-v2'), r)
    r = m.get(CLIENT, 'http://web-v1:8080/', '-H', 'Host: web-v2')
    ok('dialled v1 without a route with Host v2: no route (REQ-029)', r.header('x-route') is None and r.pod.startswith('web-v1'), r)
    equal('... and the Host untouched (REQ-029, REQ-060)', r.echo.get('host'), 'web-v2')


def bindings(m):
    for port, v1, v2 in ((80, 'v1', 'v2'), (8080, None, 'v2')):
        equal(f'parentRef with port: web-v1:{port} (REQ-013)', m.get(CLIENT, f'http://web-v1:{port}/').header('x-route'), v1)
        equal(f'parentRef without port: web-v2:{port} (REQ-013)', m.get(CLIENT, f'http://web-v2:{port}/').header('x-route'), v2)
    r = m.get('away/client', 'http://web.shop/shared')
    ok('a consumer route rules its own namespace (REQ-020)', r.status == 200 and r.header('x-route') == 'consumer', r)
    r = m.get('away/client', 'http://web.shop/other')
    ok('... without falling back when nothing matches (REQ-022)', (r.status, r.reason) == (404, 'no_route'), r)
    r = m.get(CLIENT, 'http://web/other')
    ok('... and nobody else (REQ-020, REQ-021, REQ-035)', r.status == 200 and r.header('x-route') is None, r)
    seen = set()        # an endpoint that was slow once gets little for a while
    wait_for('both endpoints', lambda: seen.add(m.get(CLIENT, 'http://web/').pod[:6]) or len(seen) == 2)
    equal('without a route all endpoints take part (REQ-035)', seen, {'web-v1', 'web-v2'})
    r = m.get('bare/client', 'http://web-v2.shop/')
    ok('callers outside the mesh see no route (REQ-024)', r.status == 200 and r.header('x-route') is None, r)


def answers(m):
    for path, options, pod in (('/v1', (), 'web-v1'), ('/v1/x', (), 'web-v1'), ('/exact', (), 'web-v2'), ('/', ('-H', 'Version: two'), 'web-v2'),
                               ('/v1', ('-H', 'version: two'), 'web-v1')):
        r = m.get(CLIENT, f'http://match{path}', *options)
        ok(f'{path} {" ".join(options)} goes to {pod} (REQ-063 to REQ-070)', r.pod.startswith(pod), r)
    for path in ('/v1x', '/', '/exact/'):
        r = m.get(CLIENT, f'http://match{path}')
        ok(f'{path} matches nothing: 404 (REQ-036)', (r.status, r.reason) == (404, 'no_route'), r)
    for path, wanted, req in (('/missing', (500, 'invalid_backend'), 'REQ-049'), ('/empty', (500, 'no_backend'), 'REQ-052'),
                              ('/none', (503, 'no_endpoints'), 'REQ-051')):
        r = m.get(CLIENT, f'http://broken{path}')
        ok(f'{path}: {wanted} ({req})', (r.status, r.reason) == wanted, r)
    equal('a Service without pods and routes: 503 (REQ-033)', m.get(CLIENT, 'http://shared/').status, 503)
    codes = collections.Counter(m.many(CLIENT, 'http://broken/half', 100, '%{http_code}'))
    ok('an invalid backend keeps its share (REQ-049)', 40 <= codes['500'] <= 60 and codes['200'] == 100 - codes['500'], codes)
    r = m.get(CLIENT, 'http://broken/plain')
    ok('a backend of another namespace, without a grant and without sidecar (REQ-054)', r.status == 200 and r.pod == 'plain', r)
    pods = collections.Counter(p[:6] for p in m.many(CLIENT, 'http://split/', 1000, '%header{x-echo-pod}'))
    share = pods['web-v1'] / 1000
    print(f'# of 1000 requests by weights 70 : 30 : 0 {dict(pods)}')
    ok('weights over 1000 requests (REQ-132, REQ-133, REQ-050)', sum(pods.values()) == 1000 and abs(share - 0.7) <= 0.02 and len(pods) == 2, pods)


def filters(m):
    for path in ('/request', '/backend'):
        r = m.get(CLIENT, f'http://mods{path}', '-H', 'x-set: old', '-H', 'x-add: old', '-H', 'x-remove: old', '-H', 'x-keep: old')
        got = [r.seen(n) for n in ('x-set', 'x-add', 'x-remove', 'x-keep')]
        equal(f'request headers set, added, removed by the {path[1:]} (REQ-082 to REQ-084)', got, ['new', 'old,more', None, 'old'])
    r = m.get(CLIENT, 'http://mods/response')
    equal('response headers set, added, removed (REQ-085)', [r.header(n) for n in ('x-echo-pod', 'content-type', 'date')],
          ['replaced', 'application/json,more', None])
    for path, status, where in (
            ('/host/a?b=1', 302, 'http://example.org/host/a?b=1'), ('/both', 301, 'http://example.org/both'), ('/secure', 302, 'https://moved/secure'),
            ('/port', 302, 'http://moved:8083/port'), ('/same', 308, 'http://moved/same'), ('/full/x', 302, 'http://moved/whole'),
            ('/old/lemon?q=1', 303, 'http://moved/new/lemon?q=1'), ('/old', 303, 'http://moved/new')):
        r = m.get(CLIENT, f'http://moved{path}')
        equal(f'{path} redirects (REQ-086 to REQ-093)', (r.status, r.header('location')), (status, where))
    equal('the port that was dialled stays in Location (REQ-088, REQ-089)', m.get(CLIENT, 'http://moved:8080/same').header('location'),
          'http://moved:8080/same')
    equal('... unless the scheme brings its own (REQ-088)', m.get(CLIENT, 'http://moved:8080/secure').header('location'), 'https://moved/secure')
    for path, wanted in (('/prefix/one/two?a=1', '/one/two?a=1'), ('/strip/three', '/three'), ('/strip', '/'), ('/full/one/two', '/one')):
        equal(f'{path} is rewritten (REQ-092 to REQ-094)', m.get(CLIENT, f'http://rewritten{path}').echo.get('path'), wanted)
    equal('the host is rewritten (REQ-094)', m.get(CLIENT, 'http://rewritten/host').echo.get('host'), 'one.example.org')


def patience(m):
    for path, reason, req in (('/request', 'request_timeout', 'REQ-104'), ('/backend', 'backend_timeout', 'REQ-105')):
        start = time.monotonic()
        r = m.get(CLIENT, f'http://slow{path}?delay=5s')
        took = time.monotonic() - start
        ok(f'{path}: 504 after its 500 ms ({req})', (r.status, r.reason) == (504, reason) and 0.5 <= took < 3, f'{took} s {r}')
    equal('0s is no timeout (REQ-106)', m.get(CLIENT, 'http://slow/never?delay=800ms').status, 200)
    r = m.get(CLIENT, 'http://slow/request?body_delay=5s&size=10')
    ok('a timeout after the head cuts the answer (REQ-107)', r.status == 200 and r.code in (18, 56), r)
    for query, wanted, what in (('fail=2', 200, 'two failures, three retries'), ('fail=4', 500, 'four failures: the last answer'),
                                ('fail=1&fail_status=503', 503, 'a code that is not listed')):
        r = m.get(CLIENT, f'http://again/codes?key={query[:6]}&{query}')
        ok(f'retry: {what} (REQ-110, REQ-111, REQ-114)', r.status == wanted, r)
    r = m.get(CLIENT, 'http://again/reset?key=r&fail=2&fail_mode=reset')
    ok('retry of connections that were reset, without codes (REQ-109, REQ-115)', r.status == 200, f'{r} {m.log(CLIENT)[-1:]}')
    r = m.run(CLIENT, 'curl', '-s', '-d', 'x' * 1000, 'http://again/codes?key=post&fail=2')
    ok('retry sends the body again (REQ-116)', '"body_bytes":1000' in r.stdout, r.stdout)
    equal('without a retry stanza nothing is repeated (REQ-116)', m.get(CLIENT, 'http://again/none?key=n&fail=1').status, 500)


def readiness(m, flag):
    url, state = 'http://flip/', lambda: [len(p['ready']) for p in m.service('shop', 'flip')['ports']][0]
    equal('a ready endpoint is called', m.get(CLIENT, url).status, 200)
    os.unlink(flag)
    wait_for('flip to become unready', lambda: state() == 0)
    r = wait_for('the proxies to know', lambda: (r := m.get(CLIENT, url)).status == 503 and r, 5)
    ok('an unready endpoint leaves at once (REQ-051)', r and r.reason == 'no_endpoints', r)
    open(flag, 'w').close()
    wait_for('flip to become ready', lambda: state() > 0)
    ok('... and is back when ready again', wait_for('the proxies to know', lambda: m.get(CLIENT, url).status == 200, 5))


def change(m, label):
    """Replaces a route; the answer by it must come soon."""
    m.write('shared', [route('shop', 'shared', [rule(to('web-v1'), filters=[says('x-route', label)])])])
    return wait_for(f'route {label}', lambda: m.get(CLIENT, 'http://shared/').header('x-route') == label)


def run(m, flag):
    names(m)
    addresses(m)
    bindings(m)
    answers(m)
    filters(m)
    patience(m)
    readiness(m, flag)
    ok('a new route arrives', change(m, 'first'))
