# SPDX-License-Identifier: Apache-2.0
"""A client on raw sockets: sends bytes in the pieces it is told to, and reads responses without
forgiving anything, so that a cut one is never taken for complete."""
import random, socket, struct


class Response:
    def __init__(self, head):
        lines = head[:-4].split(b'\r\n')
        self.version, status, self.phrase = (lines[0].split(b' ', 2) + [b''])[:3]
        self.status, self.fields, self.body, self.trailers, self.complete = int(status), [], b'', [], False
        for line in lines[1:]:
            name, _, value = line.partition(b':')
            self.fields.append((name.decode().lower(), value.strip(b' \t').decode('latin-1')))

    def get(self, name):
        return [v for k, v in self.fields if k == name]

    @property
    def reason(self):
        return (self.get('weft-reason') or [''])[0]

    def __repr__(self):
        return f'{self.status} {self.fields} {self.body[:60]!r} complete={self.complete}'


class Client:
    def __init__(self, port, timeout=3.0):
        self.sock = socket.create_connection(('127.0.0.1', port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(timeout)
        self.buf, self.ended = b'', None

    def send(self, data, pieces='whole', seed=1):
        try:
            for piece in cut(data, pieces, seed):
                self.sock.sendall(piece)
        except OSError:
            pass  # the proxy may have heard enough; what it said is still to be read

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def more(self):
        if self.ended:
            return False
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            self.ended = 'timeout'
            return False
        except OSError:
            self.ended = 'reset'
            return False
        if not data:
            self.ended = 'eof'
            return False
        self.buf += data
        return True

    def take(self, n):
        while len(self.buf) < n and self.more():
            pass
        out, self.buf = self.buf[:n], self.buf[n:]
        return out, len(out) == n

    def line(self):
        while b'\r\n' not in self.buf and self.more():
            pass
        at = self.buf.find(b'\r\n')
        if at < 0:
            return None
        out, self.buf = self.buf[:at], self.buf[at + 2:]
        return out

    def response(self, method='GET'):
        """The next response head and body; None: there is none. `complete` says whether it is whole."""
        while b'\r\n\r\n' not in self.buf and self.more():
            pass
        at = self.buf.find(b'\r\n\r\n')
        if at < 0:
            return None
        r = Response(self.buf[:at + 4])
        self.buf = self.buf[at + 4:]
        codings, lengths = r.get('transfer-encoding'), r.get('content-length')
        if method == 'HEAD' or r.status < 200 or r.status in (204, 304):
            r.complete = True
        elif codings:
            self.chunks(r)
        elif lengths:
            r.body, r.complete = self.take(int(lengths[0]))
        else:
            while self.more():
                pass
            r.body, self.buf, r.complete = self.buf, b'', self.ended == 'eof'
        return r

    def chunks(self, r):
        while (size := self.line()) is not None:
            if size == b'0':
                while (line := self.line()) not in (None, b''):
                    name, _, value = line.partition(b':')
                    r.trailers.append((name.decode().lower(), value.strip().decode('latin-1')))
                r.complete = line == b''
                return
            data, whole = self.take(int(size, 16))
            r.body += data
            if not whole or self.line() != b'':
                return

    def final(self, method='GET'):
        """Interim responses and the final one."""
        interim = []
        while (r := self.response(method)) is not None and r.status < 200:
            interim.append(r)
        return interim, r

    def closed(self):
        """Waits for the end of the connection: 'eof', 'reset', or 'timeout' if it stays open."""
        while self.more():
            pass
        return self.ended

    def close(self):
        self.sock.close()


def cut(data, pieces, seed):
    if pieces == 'whole':
        return [data]
    if pieces == 'bytes':
        return [data[i:i + 1] for i in range(len(data))]
    rng = random.Random(seed)
    points = sorted(rng.sample(range(1, len(data)), min(len(data) - 1, rng.randint(1, 6)))) if len(data) > 1 else []
    return [data[a:b] for a, b in zip([0] + points, points + [len(data)])]
