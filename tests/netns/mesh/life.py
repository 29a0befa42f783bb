# SPDX-License-Identifier: Apache-2.0
"""Parts that end, change or come back while requests flow, and what is left when a mesh is gone."""
import json, os, signal, subprocess, time
import routing
from lab import answers, equal, ok, wait_for


def judge(name, path, load, least):
    """Every request was answered 200."""
    text = load.communicate(timeout=90)[0]
    rows = answers(path)
    bad = [r for r in rows if r.get('status') != 200]
    print(f'# {name}: {len(rows)} requests, {len(bad)} failed, slowest {max([r["ms"] for r in rows] or [0]):.0f} ms')
    ok(f'{name}: no request failed', len(rows) >= least and not bad, f'{bad[:5]}\n{text}')


class Rotation:
    """Certificates of 20 s under load, in the second mesh, while the first is tried."""

    def __init__(self, m):
        self.m = m
        self.first = self.serial()
        self.path, self.load = m.load('load/client', 'http://web/', 100, 40, 'rotation')

    def serial(self):
        return [self.m.metric(f'load/{p}', 'weft_certificate_not_after_seconds') for p in ('client', 'web')]

    def judge(self):
        judge('certificates of 20 s, 40 s of load', self.path, self.load, 3900)
        now = self.serial()
        ok('... and they were renewed, at both ends', all(n - f > 20 for n, f in zip(now, self.first)), f'{self.first} {now}')


def controller(m):
    path, load = m.load(routing.CLIENT, 'http://web-v1/', 100, 6, 'controller')
    time.sleep(1)
    pid = m.status()['controller']['pid']
    os.kill(pid, signal.SIGKILL)
    wait_for('a new controller', lambda: (s := m.status()['controller'])['pid'] not in (0, pid) and s['ready'], 20)
    judge('controller killed', path, load, 590)
    ok('... a route change arrives through its successor', routing.change(m, 'after-controller'))
    r = m.get('away/client', 'http://web-v2.shop:8080/')
    ok('... and so does what was never asked before', r.status == 200 and r.header('x-route') == 'v2', r)


def drain(m):
    """web-v1 has one pod; what is in flight in its proxy ends well, what comes later finds the new one."""
    path, load = m.load('load/client', 'http://web/?delay=100ms', 50, 4, 'drain')
    time.sleep(1)
    victim = m.pods('load/web')[0]
    pid = next(c['pid'] for c in victim['containers'] if c['name'] == 'weft-proxy')
    os.kill(pid, signal.SIGTERM)
    judge('a proxy gets SIGTERM', path, load, 195)
    ok('... it ended and was started again', wait_for('a new proxy', lambda: m.container('load/' + victim['name'], 'weft-proxy')['pid'] not in (0, pid), 10))


def fewer(m):
    """Pods that go away: their endpoints leave as soon as they terminate."""
    path, load = m.load('load/client', 'http://elastic/', 50, 5, 'fewer')
    time.sleep(1)
    with open(os.path.join(m.folder, 'base.json')) as f:
        docs = json.load(f)['items']
    for d in docs:
        if d['kind'] == 'Deployment' and d['metadata']['name'] == 'elastic':
            d['spec']['replicas'] = 1
    m.write('base', docs)
    p = m.local('apply')
    judge('three pods become one', path, load, 245)
    ok('... by apply', p.returncode == 0 and len(m.pods('load/elastic')) == 1, p.stdout + p.stderr)


def pids_of(m):
    s = m.status()
    return {s['pid'], s['controller']['pid'], *(p['pausePid'] for p in s['pods']), *(c['pid'] for p in s['pods'] for c in p['containers'])} - {0}


def alive(pids):
    """Those that still are, zombies not counted."""
    left = set()
    for pid in pids:
        try:
            with open(f'/proc/{pid}/stat') as f:
                if f.read().rpartition(')')[2].split()[0] != 'Z':
                    left.add(pid)
        except OSError:
            pass
    return left


def leftovers(m):
    with open('/proc/self/mountinfo') as f:
        mounts = [line.split()[4] for line in f if m.name in line]
    spaces = [line for line in subprocess.run(['ip', 'netns'], capture_output=True, text=True).stdout.splitlines() if m.name in line]
    return {'state': os.path.exists(m.state_dir), 'mounts': mounts, 'namespaces': spaces}


def gone(m, how, pids):
    p = m.down()
    equal(f'{how}: down ends with 0', (p.returncode, p.stderr), (0, ''))
    equal('... no process is left', alive(pids), set())
    equal('... no state, mount or namespace', leftovers(m), {'state': False, 'mounts': [], 'namespaces': []})


def run(m, other, rotation):
    ok('two meshes run side by side', m.get(routing.CLIENT, 'http://web/').status == 200 and other.get('load/client', 'http://web/').status == 200)
    ok('... with the same addresses and nothing in common', other.get('load/client', 'http://web.shop/').status == 0)
    controller(m)
    rotation.judge()
    drain(other)
    fewer(other)
    pids = pids_of(other)
    gone(other, 'a mesh', pids)
    equal('... the other goes on', m.get(routing.CLIENT, 'http://web/').status, 200)
    pids = pids_of(m)
    os.kill(m.status()['pid'], signal.SIGKILL)
    gone(m, 'after kill -9 of its supervisor', pids)
