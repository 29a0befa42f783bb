# SPDX-License-Identifier: Apache-2.0
"""What the tests inside the cluster share: kubectl in the node that is up, a client pod's curl, waiting,
steady load, and one line a case."""
import argparse, json, os, re, subprocess, sys, tempfile, time, traceback

HERE = os.path.dirname(os.path.realpath(__file__))
ENTER = [os.path.join(HERE, 'enter')]


class Wrong(Exception):
    pass


def expect(ok, text):
    if not ok:
        raise Wrong(text)


def call(args, stdin=None, timeout=120, check=True):
    r = subprocess.run(ENTER + args, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and r.returncode:
        raise Wrong(f"{' '.join(args[:8])}: exit {r.returncode}: {(r.stderr or r.stdout).strip()[-400:]}")
    return r


def k(*args, **more):
    return call(['kubectl', *args], **more).stdout


def get(kind, name, ns):
    return json.loads(k('-n', ns, 'get', kind, name, '-o', 'json'))


def pods(ns, label):
    return json.loads(k('-n', ns, 'get', 'pods', '-l', label, '-o', 'json'))['items']


def until(seconds, what, fn):
    """fn() until it is true; the last exception, or what it gave, says why it was not."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            last = fn()
            if last:
                return last
        except Wrong as e:
            last = e
        if time.monotonic() > end:
            raise Wrong(f'{what}: not within {seconds} s (last: {last})')
        time.sleep(0.2)


def rolled_out(ns, *names):
    for n in names:
        k('-n', ns, 'rollout', 'status', f'deployment/{n}', '--timeout=90s')


def ask(ns, url, *more, check=False):
    """curl in the client pod of `ns`: status, headers (lower case), the echoed body or its text."""
    r = call(['kubectl', '-n', ns, 'exec', 'deployment/client', '-c', 'client', '--', 'curl', '-s', '-i',
              '--max-time', '10', *more, url], check=check)
    head, _, body = r.stdout.replace('\r', '').rpartition('\n\n') if '\n\n' in r.stdout.replace('\r', '') else (r.stdout, '', '')
    lines = head.split('\n\n')[-1].split('\n')
    m = re.match(r'HTTP/\S+ (\d+)', lines[0])
    headers = dict((a.lower(), b.strip()) for a, _, b in (x.partition(':') for x in lines[1:]))
    try:
        seen = json.loads(body)
    except ValueError:
        seen = {}
    return {'status': int(m[1]) if m else 0, 'headers': headers, 'seen': seen, 'body': body, 'exit': r.returncode}


def settled(fn):
    """Routes take effect a moment after they are written."""
    def check():
        fn()
        return True
    until(10, fn.__name__, check)


class Load:
    """curl at a steady rate in a client pod; ends by itself."""
    def __init__(self, ns, url, rate, seconds, lanes=2):
        each = rate * seconds // lanes
        self.ns = ns
        script = ' & '.join(f"timeout {seconds + 60} curl -s -o /dev/null --max-time 10 --rate {rate // lanes}/s "
                            f"-w '%{{http_code}} %{{errormsg}}\\n' '{url}?lane={i}&n=[1-{each}]' >/tmp/lane.{i}"
                            for i in range(lanes)) + ' & wait; cat ' + ' '.join(f'/tmp/lane.{i}' for i in range(lanes))
        self.total = each * lanes
        self.file = tempfile.TemporaryFile('w+')
        self.p = subprocess.Popen(ENTER + ['kubectl', '-n', ns, 'exec', 'deployment/client', '-c', 'client', '--',
                                           'bash', '-c', script], stdout=self.file, stderr=subprocess.DEVNULL)
        time.sleep(1)

    def end(self):
        self.p.wait(timeout=180)
        self.file.seek(0)
        lines = self.file.read().split('\n')[:-1]
        bad = [x for x in lines if not x.startswith('200')]
        expect(len(lines) == self.total, f'{len(lines)} of {self.total} requests were made')
        if bad:
            log = k('-n', self.ns, 'logs', 'deployment/client', '-c', 'weft-proxy', '--tail=200', check=False)
            last = [x for x in log.split('\n') if '"status":50' in x][-2:]
            raise Wrong(f'{len(bad)} of {len(lines)} requests failed: {sorted(set(bad))[:4]}; {last}')
        return f'{len(lines)} requests, none failed'


def manifest(name, verb='apply', **words):
    """apps/NAME.yaml, with @WORD@ replaced."""
    with open(os.path.join(HERE, f'apps/{name}.yaml'), encoding='utf-8') as f:
        text = f.read()
    for word, value in words.items():
        text = text.replace(f'@{word}@', value)
    k(verb, '-f', '-', stdin=text)


def image_like(part):
    """The full name of an image that the node has. The kubelet looks every 30 s and tells with its next status."""
    def told():
        for node in json.loads(k('get', 'nodes', '-o', 'json'))['items']:
            for name in (n for image in node['status'].get('images', []) for n in image['names']):
                if part in name and '@' not in name:
                    return name
        raise Wrong(f'the node has no image like {part}')
    return until(90, 'an image of the node', told)


def load_tools():
    """The client pods' image, given to the node."""
    with tempfile.TemporaryDirectory(dir=os.environ.get('WEFT_RIG_STATE', '/var/tmp/weft-rig')) as d:
        subprocess.run([os.path.join(HERE, 'tools'), os.path.join(d, 'tools.tar')], check=True)
        subprocess.run([os.path.join(HERE, 'load'), os.path.join(d, 'tools.tar')], check=True)


def run(description, start, cases, namespaces):
    """Starts, runs the cases that --only names, removes the namespaces if none failed; the exit status."""
    a = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--only', action='append', metavar='TEXT', help='only cases with this in their names')
    a.add_argument('--keep', action='store_true', help='leave the namespaces')
    o = a.parse_args()
    passed = failed = 0
    try:
        start()
        for case in cases:
            name = case.__name__.replace('_', ' ')
            if o.only and not any(t in name for t in o.only):
                continue
            began = time.monotonic()
            try:
                more = case()
                passed += 1
                print(f"ok {name} ({time.monotonic() - began:.1f} s){': ' + more if more else ''}", flush=True)
            except Exception as e:
                failed += 1
                print(f'not ok {name}: {e if isinstance(e, Wrong) else traceback.format_exc()}', flush=True)
    except Wrong as e:
        failed += 1
        print(f'not ok start: {e}')
        print(k('get', 'pods', '-A', '-o', 'wide', check=False))
    finally:
        if not o.keep and not failed:
            k('delete', 'namespace', *namespaces, '--ignore-not-found', check=False)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0
