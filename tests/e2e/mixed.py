#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load of tests/e2e/soak, run inside a pod: a thread per kind of traffic, each at its own slow pace,
each judging every answer. Writes one JSON line per wrong answer, and a line of sums every ten seconds."""
import argparse, json, os, random, socket, struct, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import h2  # noqa: E402

lock, sums = threading.Lock(), {}
BODY = os.urandom(1 << 20)


class Wrong(Exception):
    pass


def dial(host, port, timeout=20, rcvbuf=0):
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(timeout)
    s.connect((socket.gethostbyname(host), port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class H1:
    """A kept connection; a new one after 50 requests or after one that closed."""

    def __init__(self, host):
        self.host, self.sock, self.used = host, None, 0

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None

    def ask(self, target, method='GET', body=b'', want=200):
        if not self.sock or self.used >= 50:
            self.close()
            self.sock, self.used = dial(self.host, 80), 0
            self.file = self.sock.makefile('rb')
        length = f'content-length: {len(body)}\r\n' if body or method == 'POST' else ''
        self.sock.sendall(f'{method} {target} HTTP/1.1\r\nhost: {self.host}\r\n{length}\r\n'.encode() + body)
        self.used += 1
        status = int(self.file.readline().split()[1])
        fields = {}
        while (line := self.file.readline().strip()):
            k, _, v = line.partition(b':')
            fields[k.decode().lower()] = v.strip().decode()
        got = b''.join(self.chunks(fields))
        if fields.get('connection') == 'close':
            self.close()
        if status != want:
            raise Wrong(f'{method} {target}: {status} {fields.get("weft-reason", "")}, not {want}')
        return fields, got

    def chunks(self, fields):
        if fields.get('transfer-encoding') == 'chunked':
            while size := int(self.file.readline().split(b';')[0], 16):
                yield self.file.read(size)
                self.file.read(2)
            self.file.readline()
        else:
            yield self.file.read(int(fields.get('content-length', 0)))


def h1(c):
    c.client.ask('/a', 'POST' if c.n % 2 else 'GET', b'x' * 200 if c.n % 2 else b'')


def late(c):
    c.client.ask('/late?delay=2s', want=504)


def again(c):
    c.client.ask(f'/again?fail=1&fail_status=503&key={os.getpid()}-{c.n}')


def moved(c):
    c.client.ask('/moved/x', want=302)


def down(c):
    got = c.steady.ask(f'/down?size={4 << 20}')[1]
    if len(got) != 4 << 20:
        raise Wrong(f'{len(got)} bytes')


def up(c):
    got = c.steady.ask('/up?echo=1', 'POST', BODY)[1]
    if got != BODY:
        raise Wrong(f'{len(got)} bytes came back, or others')


def h2_peer(c, host, after):
    """A connection for `after` requests; -> it and the next stream."""
    if c.peer is None or c.stream > 2 * after or c.peer.closed or c.peer.goaway is not None:
        if c.peer:
            c.peer.sock.close()
        c.peer, c.stream = h2.Peer(dial(host, 80), server=False), -1
    c.stream += 2
    return c.peer, c.stream


def over_h2(c):
    peer, s = h2_peer(c, 'web.soak', 100)
    fields = [(':method', 'GET'), (':scheme', 'http'), (':path', '/b?size=3000'), (':authority', 'web.soak')]
    peer.send(h2.headers(s, fields))
    m = peer.message(s)
    peer.streams.pop(s, None)
    if m.status != 200 or len(m.body) != 3000:
        raise Wrong(f'{m} {peer.closed} {peer.goaway}')


def grpc(c):
    peer, s = h2_peer(c, 'grpc.soak', 100)
    fields = [(':method', 'POST'), (':scheme', 'http'), (':path', '/echo.Echo/Unary'), (':authority', 'grpc.soak'), ('content-type', 'application/grpc'), ('te', 'trailers')]
    message = b'\0' + struct.pack('>I', 500) + BODY[:500]
    peer.send(h2.headers(s, fields, end=False) + h2.frame(h2.DATA, h2.END_STREAM, s, message))
    m = peer.message(s)
    peer.streams.pop(s, None)
    if m.status != 200 or m.body != message or dict(m.trailers or []).get('grpc-status') != '0':
        raise Wrong(f'{m} {peer.closed} {peer.goaway}')


def exactly(s, n):
    got = b''
    while len(got) < n and (data := s.recv(n - len(got))):
        got += data
    return got


def upgrade(c):
    """A tunnel that lives for twelve seconds: less than the third of its life that a certificate has left when it is renewed, as
    tunnels end with the certificates that they began with."""
    if c.sock is None or time.monotonic() > c.until:
        if c.sock:
            c.sock.close()
        c.sock, c.until = dial('steady.soak', 80), time.monotonic() + 12
        c.sock.sendall(b'GET /tunnel HTTP/1.1\r\nhost: steady\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
        head = b''
        while b'\r\n\r\n' not in head and (data := c.sock.recv(1000)):
            head += data
        if b' 101 ' not in head[:20]:
            raise Wrong(f'{head[:100]}')
    c.sock.sendall(BODY[:300])
    if (got := exactly(c.sock, 300)) != BODY[:300]:
        raise Wrong(f'{len(got)} bytes came back')


def tcp(c):
    with dial('steady.soak', 9000) as s:
        for _ in range(5):
            s.sendall(BODY[:4000])
            if (got := exactly(s, 4000)) != BODY[:4000]:
                raise Wrong(f'{len(got)} bytes came back')
        s.shutdown(socket.SHUT_WR)
        if s.recv(1):
            raise Wrong('more came than was sent')


def slow(c):
    """Takes 2 MiB in eight seconds."""
    with dial('steady.soak', 80, rcvbuf=8192) as s:
        s.sendall(b'GET /slow?size=2097152 HTTP/1.1\r\nhost: steady\r\nconnection: close\r\n\r\n')
        got = 0
        while data := s.recv(65536):
            got += len(data)
            time.sleep(len(data) * 8 / (2 << 20))
        if got < 2 << 20:
            raise Wrong(f'{got} bytes')


def leave(c):
    """Goes away at different moments: in its own head or body, before the answer, inside it."""
    with dial('web.soak', 80) as s:
        s.sendall([b'GET /', b'POST /x HTTP/1.1\r\nhost: web\r\ncontent-length: 900\r\n\r\nabc', b'GET /?delay=300ms HTTP/1.1\r\nhost: web\r\n\r\n',
                   b'GET /?size=3000000 HTTP/1.1\r\nhost: web\r\n\r\n'][c.n % 4])
        time.sleep(0.05)
        if c.n % 8 > 3:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


# kind, times a second
KINDS = [(h1, 20), (over_h2, 10), (grpc, 10), (upgrade, 5), (tcp, 2), (down, 0.2), (up, 0.3), (slow, 0.1), (late, 0.5), (again, 1), (moved, 1), (leave, 2)]


class Caller(threading.Thread):
    def __init__(self, o, kind, rate, out):
        super().__init__(daemon=True)
        self.o, self.kind, self.rate, self.out, self.n = o, kind, rate * o.rate, out, 0
        self.client, self.steady, self.peer, self.sock, self.until, self.stream = H1('web.soak'), H1('steady.soak'), None, None, 0, 0
        self.label = {'over_h2': 'h2'}.get(kind.__name__, kind.__name__)

    def run(self):
        start = time.monotonic() + random.random() / self.rate
        while (due := start + self.n / self.rate) < self.o.end:
            time.sleep(max(0, due - time.monotonic()))
            self.once()
            self.n += 1

    def once(self):
        wrong = None
        try:
            self.kind(self)
        except (Wrong, OSError, ValueError, IndexError) as e:
            wrong = f'{type(e).__name__}: {e}'
            self.client.close()
            self.steady.close()
            self.peer = self.sock = None
        with lock:
            sums[self.label] = sums.get(self.label, 0) + 1
            if wrong:
                self.out.write(json.dumps({'wrong': wrong[:400], 'kind': self.label, 'n': self.n, 'time': time.strftime('%H:%M:%S')}) + '\n')


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('--seconds', type=float, required=True)
    a.add_argument('--rate', type=float, default=1)
    a.add_argument('--out', required=True)
    o = a.parse_args()
    o.end = time.monotonic() + o.seconds
    with open(o.out, 'w', buffering=1) as out:
        callers = [Caller(o, kind, rate, out) for kind, rate in KINDS]
        for c in callers:
            c.start()
        while any(c.is_alive() for c in callers) and time.monotonic() < o.end + 30:
            for _ in range(50):
                if any(c.is_alive() for c in callers):
                    time.sleep(0.2)
            with lock:
                out.write(json.dumps({'sums': sums}) + '\n')


main()
