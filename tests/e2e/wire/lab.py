# SPDX-License-Identifier: Apache-2.0
"""A stand-alone proxy on loopback between a client and origins of ours, and the tally of results."""
import argparse, json, os, socket, subprocess, sys, tempfile, time, urllib.request


def free_ports(n):
    socks = [socket.socket() for _ in range(n)]
    for s in socks:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def service(name, ip, origin_ports, protocol='http'):
    yield {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name, 'namespace': 'lab'},
           'spec': {'clusterIP': ip, 'ports': [{'name': 'p', 'port': 80, **({'appProtocol': protocol} if protocol else {})}]}}
    for i, port in enumerate(origin_ports):
        yield {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',
               'metadata': {'name': f'{name}-{i}', 'namespace': 'lab', 'labels': {'kubernetes.io/service-name': name}},
               'ports': [{'name': 'p', 'port': port, 'protocol': 'TCP'}],
               'endpoints': [{'addresses': ['127.0.0.1'], 'conditions': {'ready': True}}]}


def route(name, backend=None, **rule):
    rule = {'backendRefs': [{'name': backend or name, 'port': 80}], **rule}
    return {'apiVersion': 'gateway.networking.k8s.io/v1', 'kind': 'HTTPRoute', 'metadata': {'name': name, 'namespace': 'lab'},
            'spec': {'parentRefs': [{'group': '', 'kind': 'Service', 'name': name}], 'rules': [rule]}}


class Lab:
    """outbound: Service name -> port to dial; inbound: app port -> port to dial."""

    def __init__(self, bin_dir, docs, outbound=(), inbound=(), options=()):
        self.work = tempfile.TemporaryDirectory()
        weft, proxy = (os.path.join(bin_dir, p) for p in ('weft', 'weft-proxy'))
        folder, snapshot = os.path.join(self.work.name, 'manifests'), os.path.join(self.work.name, 'snapshot')
        self.log_file = os.path.join(self.work.name, 'access.log')
        os.mkdir(folder)
        for i, d in enumerate([{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': 'lab'}}, *docs]):
            with open(os.path.join(folder, f'{i:03d}.json'), 'w') as f:
                json.dump(d, f)
        subprocess.run([weft, 'compile', '-f', folder, '--from', 'lab', '-o', snapshot], check=True)
        ports = free_ports(len(outbound) + len(inbound) + 1)
        self.admin = ports.pop()
        self.outbound, self.inbound = dict(zip(outbound, ports)), dict(zip(inbound, ports[len(outbound):]))
        argv = [proxy, '--snapshot', snapshot, '--workers', '1', '--admin', f'127.0.0.1:{self.admin}', '--metrics-port', '0',
                '--ready-port', '0', '--access-log', 'all', '--access-log-file', self.log_file, *options]
        for name, port in self.outbound.items():
            argv += ['--listen', f'127.0.0.1:{port}=lab/{name}:80']
        for app, port in self.inbound.items():
            argv += ['--listen-inbound', f'127.0.0.1:{port}={app}']
        self.stderr = open(os.path.join(self.work.name, 'stderr'), 'w+')
        self.proc = subprocess.Popen(argv, stdout=self.stderr, stderr=self.stderr)
        self.read_to = 0
        for port in [*self.outbound.values(), *self.inbound.values()]:
            self.wait_port(port)

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read()[-3000:]

    def wait_port(self, port):
        until = time.monotonic() + 10
        while time.monotonic() < until and self.proc.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.01)
        sys.exit(f'the proxy does not listen on {port}: {self.said()}')

    def log_lines(self, want, seconds=5):
        """New access log lines, at least `want` of them unless the time is up."""
        lines, until = [], time.monotonic() + seconds
        while True:
            with open(self.log_file, 'rb') as f:
                f.seek(self.read_to)
                data = f.read()
            data = data[:data.rfind(b'\n') + 1]
            self.read_to += len(data)
            lines += [json.loads(x) for x in data.splitlines()]
            if len(lines) >= want or time.monotonic() > until:
                return lines
            time.sleep(0.01)

    def metric(self, series):
        """The value of a series, 0 where there is none."""
        with urllib.request.urlopen(f'http://127.0.0.1:{self.admin}/metrics', timeout=10) as r:
            rows = r.read().decode().splitlines()
        return sum(float(row.split()[-1]) for row in rows if row.startswith(series + ' '))

    def end(self):
        """Stops the proxy; what it died of, or None."""
        died = self.proc.poll()
        if died is None:
            silent = [socket.create_connection(('127.0.0.1', port)) for port in 3 * list(self.outbound.values())[:1]]
            self.proc.terminate()
            try:
                died = self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                died = 'it did not stop within 10 s of SIGTERM'
            for s in silent:  # who says nothing holds it for a second, and no longer
                s.close()
        said = self.said()
        return None if died == 0 else f'{died}: {said}'


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def result(self, name, why):
        """why: empty when it holds."""
        if why:
            self.failed += 1
            print(f'not ok {name}: {why}', flush=True)
        else:
            self.passed += 1
            print(f'ok {name}', flush=True)

    def exit(self, lab):
        self.result('proxy/ends', lab.end() or '')
        print(f'{self.passed} passed, {self.failed} failed')
        sys.exit(1 if self.failed else 0)


def arguments(doc):
    a = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--bin-dir', default='build/bin')
    a.add_argument('--only', default='', help='run only vectors whose name contains this')
    return a
