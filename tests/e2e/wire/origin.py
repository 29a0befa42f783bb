# SPDX-License-Identifier: Apache-2.0
"""A recording HTTP/1.1 origin on raw sockets. It reads requests with a parser of its own that takes
nothing it does not have to, keeps every byte that reached it, and answers what a script says."""
import socket, struct, threading, time

OK = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'


class Broken(Exception):
    pass


class Request:
    def __init__(self, head):
        lines = head[:-4].split(b'\r\n')
        parts = lines[0].split(b' ')
        if len(parts) != 3:
            raise Broken('request line')
        self.method, self.target, self.version = (p.decode('latin-1') for p in parts)
        self.fields, self.body, self.trailers, self.head = [], b'', [], head
        for line in lines[1:]:
            self.fields.append(field(line))

    def get(self, name):
        return [v for k, v in self.fields if k == name]

    def __repr__(self):
        return f'{self.method} {self.target} {self.version} {self.fields} {self.body[:80]!r} {self.trailers}'


def field(line):
    name, colon, value = line.partition(b':')
    bad = not colon or not name or any(c <= 32 or c in b'"(),/;<=>?@[\\]{}' or c > 126 for c in name)
    if bad or any(c in b'\r\n\0' for c in value):
        raise Broken(f'field line {line!r}')
    return name.decode().lower(), value.strip(b' \t').decode('latin-1')


class Conn:
    """One accepted connection: what came over it, and how it ended."""

    def __init__(self, sock):
        self.sock, self.raw, self.buf, self.requests, self.ended, self.broken = sock, b'', b'', [], None, None

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            self.ended = 'reset'
            return False
        except OSError:
            self.ended = self.ended or 'timeout'
            return False
        if not data:
            self.ended = 'eof'
            return False
        self.raw += data
        self.buf += data
        return True

    def until(self, mark):
        while mark not in self.buf:
            if not self.more():
                raise EOFError
        at = self.buf.index(mark) + len(mark)
        out, self.buf = self.buf[:at], self.buf[at:]
        return out

    def exactly(self, n):
        while len(self.buf) < n:
            if not self.more():
                raise EOFError
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def head(self):
        return Request(self.until(b'\r\n\r\n'))

    def body(self, r):
        lengths, codings = r.get('content-length'), r.get('transfer-encoding')
        if codings:
            if codings != ['chunked'] or lengths:
                raise Broken(f'framing {codings} {lengths}')
            while True:
                line = self.until(b'\r\n')[:-2]
                if not line or any(c not in b'0123456789abcdefABCDEF' for c in line):
                    raise Broken(f'chunk size {line!r}')
                n = int(line, 16)
                if n == 0:
                    break
                r.body += self.exactly(n)
                if self.exactly(2) != b'\r\n':
                    raise Broken('chunk end')
            while (line := self.until(b'\r\n')) != b'\r\n':
                r.trailers.append(field(line[:-2]))
        elif lengths:
            if len(lengths) != 1 or not lengths[0].isdigit():
                raise Broken(f'content-length {lengths}')
            r.body = self.exactly(int(lengths[0]))
        return r

    def request(self):
        r = self.body(self.head())
        self.requests.append(r)
        return r

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.ended = self.ended or 'reset'

    def drain(self):
        """Until the peer ends the connection."""
        while self.more():
            pass

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()
        self.ended = 'ours'

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def answer(data=OK):
    def script(c):
        c.request()
        c.send(data)
    return script


class Origin:
    def __init__(self, port=0):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.change, self.active, self.conns, self.script = threading.Condition(), 0, [], answer()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(5)
            c = Conn(sock)
            with self.change:
                self.active += 1
                self.conns.append(c)
            threading.Thread(target=self.serve, args=(c, self.script), daemon=True).start()

    def serve(self, c, script):
        try:
            script(c)
        except EOFError:
            pass
        except Broken as e:
            c.broken = str(e)
        finally:
            c.sock.close()
            with self.change:
                self.active -= 1
                self.change.notify_all()

    def begin(self, script=None):
        """Forgets what was seen; connections from now on follow `script`."""
        with self.change:
            self.conns, self.script = [], script or answer()

    def settle(self, seconds=2):
        """Waits until every connection has ended; False: some have not."""
        with self.change:
            return self.change.wait_for(lambda: self.active == 0, seconds)

    def wait(self, what, seconds=2):
        until = time.monotonic() + seconds
        while not what() and time.monotonic() < until:
            time.sleep(0.002)
        return what()

    @property
    def requests(self):
        return [r for c in self.conns for r in c.requests]

    @property
    def raw(self):
        return b''.join(c.raw for c in self.conns)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
