# SPDX-License-Identifier: Apache-2.0
"""What the architecture promises when parts fail, in a mesh of its own: the controller dies while a pod
starts, a proxy dies with and without a controller, certificates end while nobody signs, pods without a
sidecar, names of a StatefulSet. (docs/testing.md says which test proves which line.)"""
import os, signal, sys, time
from lab import Mesh, Work, equal, finish, ok, wait_for
from life import judge
from world import client, deployment, namespace, route, rule, says, service, to

CLIENT = 'fail/client'
LIFE_S = 30


def docs():
    stateful = {**deployment('fail', 'db', 2), 'kind': 'StatefulSet'}
    stateful['spec']['serviceName'] = 'db'
    return [namespace('fail'), client('fail'), deployment('fail', 'web', 2), service('fail', 'web', {'app': 'web'}),
            deployment('fail', 'more', 0), stateful,
            service('fail', 'db', {'app': 'db'}, [{'name': 'http', 'port': 8080, 'appProtocol': 'http'}], clusterIP='None')]


def routes():
    return [route('fail', 'web', [rule(to('web'), filters=[says('x-route', 'mine')])])]


def names(m):
    """Each pod of a StatefulSet by its own name, in mutual TLS by address (REQ-028), and the headless
    Service by all spellings (REQ-034)."""
    for pod in ('db-0', 'db-1'):
        for host in (f'{pod}.db', f'{pod}.db.fail', f'{pod}.db.fail.svc', f'{pod}.db.fail.svc.cluster.local'):
            r = m.get(CLIENT, f'http://{host}:8080/')
            ok(f'{host} is that very pod', r.status == 200 and r.pod == pod, r)
            ok('... over mutual TLS', r.seen('x-forwarded-client-cert'), r)
    got = {m.get(CLIENT, 'http://db:8080/').pod for _ in range(12)}
    ok('the headless name is any of them', got <= {'db-0', 'db-1'} and got, got)
    for host in ('web.fail.svc.cluster.local.', 'db-0.db.fail.svc.cluster.local.'):
        r = m.get(CLIENT, f'http://{host}:{8080 if "db" in host else 80}/')
        ok(f'{host} with the dot of a full name is the same', r.status == 200 and (r.header('x-route') == 'mine' or 'db' in host), r)


def controller_down(m):
    """Killed again as often as it comes back, so that a pod has to start without it."""
    path, load = m.load(CLIENT, 'http://web/', 50, 10, 'controller-down')
    gone, pid = time.monotonic(), 0
    for _ in range(5):
        pid = wait_for('another controller', lambda: (p := m.status()['controller']['pid']) not in (0, pid) and p, 20)
        os.kill(pid, signal.SIGKILL)
    m.local('scale', 'fail/more', '1', '--timeout', '0')
    pod = wait_for('the new pod', lambda: m.pods('fail/more'), 5)
    ok('a pod is started while the controller is away', pod and not pod[0]['ready'] and not m.status()['controller']['ready'], m.status()['controller'])
    wait_for('the controller', lambda: m.status()['controller']['ready'], 30)
    back = time.monotonic()
    ok('... it is ready once the controller is back', wait_for('the pod', lambda: m.pod('fail/more')['ready'], 20), m.pods('fail/more'))
    print(f'# the controller was away for {back - gone:.1f} s; the new pod was ready {time.monotonic() - back:.2f} s after it was back')
    judge('... meanwhile', path, load, 495)
    m.local('scale', 'fail/more', '0')


def proxy_dies(m, how, pod):
    """-> nothing; prints how long its app was cut off."""
    before = m.container(pod, 'weft-proxy')['pid']
    p = m.local('kill', pod, '-c', 'weft-proxy')
    died = time.monotonic()
    up = wait_for('its successor', lambda: m.probe(CLIENT, 'send', '127.0.0.1', 15021, 'GET /ready HTTP/1.0\\r\\n\\r\\n').startswith('HTTP/1.0 200') or
                  m.probe(CLIENT, 'send', '127.0.0.1', 15021, 'GET /ready HTTP/1.0\\r\\n\\r\\n').startswith('HTTP/1.1 200'), 20)
    took = time.monotonic() - died
    r = m.get(CLIENT, 'http://web/')
    ok(f'a proxy killed with {how} is back with its configuration', p.returncode == 0 and up and r.status == 200 and r.header('x-route') == 'mine', f'{up} {r}')
    ok('... and its identity', r.seen('x-forwarded-client-cert'), r)
    equal('... another process', m.container(pod, 'weft-proxy')['pid'] != before, True)
    print(f'# ready {took:.2f} s after the kill (0.1 s of them the pause before a restart)')


def proxies(m):
    proxy_dies(m, 'the controller there', CLIENT)
    pid = m.status()['controller']['pid']
    os.kill(pid, signal.SIGSTOP)
    try:
        proxy_dies(m, 'no controller', CLIENT)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for('everything to be well', lambda: m.status()['settled'], 30)


def ends(m):
    """pod -> end of its certificate, of caller and callees"""
    return {p: m.metric(p, 'weft_certificate_not_after_seconds') for p in (CLIENT, *(f'fail/{p["name"]}' for p in m.pods('fail/web')))}


def nobody_signs(m):
    """The controller stands still until the certificate that ends first has ended."""
    wait_for('certificates that are not due', lambda: min(ends(m).values()) - time.time() > LIFE_S / 3 + 2, 2 * LIFE_S)
    pid, url = m.status()['controller']['pid'], 'http://web/'
    os.kill(pid, signal.SIGSTOP)
    try:
        ended = ends(m)
        first = min(ended, key=ended.get)
        left = lambda: ended[first] - time.time()
        log = m.container(first, 'weft-proxy')['log']
        failures, said = (lambda: m.metric(first, 'weft_certificate_failures_total')), (lambda: open(log, errors='replace').read().count('no renewed certificate'))
        before, told = failures(), said()
        wait_for('two thirds', lambda: left() < LIFE_S / 3, LIFE_S)
        seen = wait_for('the failure in the metrics', lambda: failures() > before, 14)
        ok('nobody signs: that is in the metrics after two thirds of the life', seen, (seen, left()))
        ok('... and in the log', said() > told, said() - told)
        wrong, asked = [], 0
        while left() > 1.5:
            r = m.get(CLIENT, url)
            asked += 1
            if r.status != 200 and left() > 0.5:
                wrong.append(r)
        ok('... it serves until the very end', not wrong, wrong[:2])
        wait_for('the end of every certificate', lambda: max(ended.values()) - time.time() < -2, LIFE_S + 5)
        r = m.get(CLIENT, url)
        ok('... then not, and says why', r.status == 503 and r.reason, r)
    finally:
        os.kill(pid, signal.SIGCONT)
    ok('... and again as soon as somebody signs', wait_for('a good answer', lambda: m.get(CLIENT, url).status == 200, 30))


def run(m):
    names(m)
    controller_down(m)
    proxies(m)
    nobody_signs(m)


def main(bin_dir):
    work = Work(bin_dir)
    m = Mesh(work, 'f', docs())
    m.write('routes', routes())
    try:
        m.start('--access-log', 'all', '--workload-cert-ttl', f'{LIFE_S}s')
        m.started()
        run(m)
    finally:
        m.down()
        work.remove()
    finish()


main(*sys.argv[1:])
