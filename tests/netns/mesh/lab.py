# SPDX-License-Identifier: Apache-2.0
"""Meshes of `weft local` in a work folder of their own, commands inside their pods, and the tally."""
import json, os, re, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.realpath(__file__))
PROGRAMS = ('weft', 'weft-controller', 'weft-echo', 'weft-init', 'weft-proxy')
PATIENCE = float(os.environ.get('WEFT_TEST_PATIENCE', 1))   # of programs that are slower than usual (tests/netns/tsan)
passed = failed = 0


def ok(name, good, got=''):
    """One line of outcome; `got` says what was seen where it was not as it should be."""
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f'{"ok" if good else "not ok"} {name}', flush=True)
    if not good:
        for line in str(got)[-1500:].splitlines() or ['(nothing)']:
            print('#   ' + line, flush=True)


def equal(name, got, wanted):
    ok(name, got == wanted, f'got:    {got!r}\nwanted: {wanted!r}')


def wait_for(what, test, seconds=10):
    """Polls until test() is true; -> its value, or the last one."""
    end = time.monotonic() + seconds * PATIENCE
    while not (value := test()) and time.monotonic() < end:
        time.sleep(0.05)
    if not value:
        print(f'# waited {seconds * PATIENCE:g} s in vain for {what}', flush=True)
    return value


class Reply:
    """What curl saw: status 0 when there was no answer; body as JSON where it is weft-echo's."""

    def __init__(self, text, code, note):
        self.code, self.note, self.status, self.headers, self.body = code, note, 0, {}, text
        while m := re.match(r'HTTP/(\S+) (\d+)[^\n]*\n(.*?)\r?\n\r?\n', text, re.S):
            text, self.status = text[m.end():], int(m[2])
            self.headers = {}
            for k, _, v in (line.partition(':') for line in m[3].splitlines()):
                self.headers.setdefault(k.strip().lower(), []).append(v.strip())
            self.version = m[1]
            self.body = text
        try:
            self.echo = json.loads(text)
        except ValueError:
            self.echo = {}

    def header(self, name):
        return ','.join(self.headers[name]) if name in self.headers else None

    def seen(self, name):
        """The values of a request header as the app saw them."""
        return ','.join(self.echo['headers'][name]) if name in self.echo.get('headers', {}) else None

    @property
    def pod(self):
        return self.echo.get('pod', '')

    @property
    def reason(self):
        return self.header('weft-reason')

    def __repr__(self):
        return f'<{self.status} {self.headers} {self.body[:600]!r} curl {self.code} {self.note}>'


class Work:
    """A folder that pods can read, with the programs (a checkout may be replaced meanwhile) and tools."""

    def __init__(self, bin_dir):
        self.path = tempfile.mkdtemp(prefix='weft-mesh.')
        os.chmod(self.path, 0o755)
        self.bin, self.tools, self.out = (self.folder(n) for n in ('bin', 'tools', 'out'))
        os.chmod(self.out, 0o777)
        for p in PROGRAMS:
            shutil.copy(os.path.join(bin_dir, p), self.bin)
        for p in (os.path.join(HERE, 'probe.py'), os.path.join(HERE, '../../e2e/load.py')):
            shutil.copy(p, self.tools)

    def folder(self, name):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        os.chmod(path, 0o755)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Mesh:
    def __init__(self, work, label, docs):
        self.work, self.name = work, f'm{os.getpid()}{label}'
        self.folder, self.weft = work.folder('manifests-' + label), os.path.join(work.bin, 'weft')
        self.state_dir = f'/run/weft-local/{self.name}'
        self.generation, self.proc = 0, None
        self.write('base', docs)

    def write(self, name, docs):
        """Into place by rename, as an editor or a deployment tool would."""
        self.generation += 1
        path = os.path.join(self.folder, name + '.json')
        for d in docs:
            d['metadata'].setdefault('generation', self.generation)
        with open(path + '.new', 'w') as f:
            json.dump({'apiVersion': 'v1', 'kind': 'List', 'items': docs}, f)
        os.rename(path + '.new', path)

    def local(self, verb, *args, timeout=60, **k):
        return subprocess.run([self.weft, 'local', verb, '--name', self.name, *args], capture_output=True, text=True,
                              timeout=timeout, errors='replace', **k)

    def start(self, *options):
        self.proc = subprocess.Popen([self.weft, 'local', 'up', '--name', self.name, '-f', self.folder, '--detach', '--timeout', '50',
                                      *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def started(self):
        text = self.proc.communicate(timeout=70)[0]
        if self.proc.returncode:
            print(text[-3000:])
            sys.exit(f'mesh {self.name} did not come up')

    def status(self):
        return json.loads(self.local('status', '-o', 'json').stdout)

    def pods(self, prefix=''):
        return [p for p in self.status()['pods'] if f'{p["namespace"]}/{p["name"]}'.startswith(prefix)]

    def pod(self, name):
        return self.pods(name)[0]

    def container(self, pod, name):
        return next(c for c in self.pod(pod)['containers'] if c['name'] == name)

    def service(self, ns, name):
        return next(s for s in self.status()['services'] if (s['namespace'], s['name']) == (ns, name))

    def argv(self, pod, *cmd):
        return [self.weft, 'local', 'exec', '--name', self.name, pod, '--', *cmd]

    def run(self, pod, *cmd, **k):
        k.setdefault('timeout', 40)
        return subprocess.run(self.argv(pod, *cmd), capture_output=True, text=True, errors='replace', **k)

    def spawn(self, pod, *cmd):
        return subprocess.Popen(self.argv(pod, *cmd), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def probe(self, pod, *args):
        return self.run(pod, 'python3', os.path.join(self.work.tools, 'probe.py'), *map(str, args)).stdout.strip()

    def load(self, pod, url, rps, seconds, out):
        path = os.path.join(self.work.out, out)
        return path, self.spawn(pod, 'python3', os.path.join(self.work.tools, 'load.py'), '--url', url, '--rps', str(rps),
                                '--seconds', str(seconds), '--out', path, '--connections', '8')

    def get(self, pod, url, *options):
        """curl -i from inside `pod`."""
        p = self.run(pod, 'curl', '-sS', '-i', '-m', '15', *options, url)
        return Reply(p.stdout, p.returncode, p.stderr.strip())

    def many(self, pod, url, n, field, *options):
        """n requests by one curl; -> the values of one of its write-out fields."""
        config = ''.join(f'url = "{url}"\noutput = "/dev/null"\n' for _ in range(n))
        p = self.run(pod, 'curl', '-s', '-m', '30', '-w', field + '\\n', *options, '-K', '-', input=config)
        return p.stdout.split('\n')[:-1]

    def inside(self, pod, *cmd, **k):
        """As root in the pod's network namespace, beside the app."""
        return ['nsenter', f'--net=/proc/{self.pod(pod)["pausePid"]}/ns/net', *cmd]

    def metrics(self, pod):
        """The proxy's metrics: line without value -> value."""
        p = subprocess.run(self.inside(pod, 'curl', '-s', '-m', '5', 'http://127.0.0.1:15000/metrics'), capture_output=True, text=True)
        return {k: float(v) for k, _, v in (line.rpartition(' ') for line in p.stdout.splitlines() if not line.startswith('#'))}

    def metric(self, pod, family, *words):
        return sum(v for k, v in self.metrics(pod).items() if k.startswith(family) and all(w in k for w in words))

    def log(self, pod):
        """The access log of a pod's proxy (written at the latest 100 ms after the end)."""
        with open(self.container(pod, 'weft-proxy')['log'], errors='replace') as f:
            return [json.loads(line) for line in f if line.startswith('{"time"') and '"direction":' in line and line.endswith('}\n')]

    def down(self):
        return self.local('down')


class Capture:
    """What crosses a pod's eth0, from now to stop()."""

    def __init__(self, mesh, pod, label):
        self.path = os.path.join(mesh.work.path, label + '.pcap')
        self.proc = subprocess.Popen(mesh.inside(pod, 'tcpdump', '-Z', 'root', '-U', '--immediate-mode', '-s', '0', '-i', 'eth0', '-w', self.path, 'tcp'),
                                     stderr=subprocess.PIPE, text=True)
        self.proc.stderr.readline()     # "listening on": it captures

    def stop(self):
        time.sleep(0.1)                 # the last packets are on their way through the socket
        self.proc.terminate()
        self.proc.communicate()
        with open(self.path, 'rb') as f:
            return f.read()


def answers(path):
    """The lines of load.py."""
    with open(path) as f:
        return [json.loads(line) for line in f]


def finish():
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)
