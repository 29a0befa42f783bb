# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames by hand, both roles. What goes out is literal HPACK, so that anything can be said;
what comes in is inflated by libnghttp2."""
import ctypes, socket, struct

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 1, 2, 7, 8


class Nv(ctypes.Structure):
    _fields_ = [('name', ctypes.POINTER(ctypes.c_char)), ('value', ctypes.POINTER(ctypes.c_char)), ('namelen', ctypes.c_size_t), ('valuelen', ctypes.c_size_t), ('flags', ctypes.c_uint8)]


lib = ctypes.CDLL('libnghttp2.so.14')
lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
lib.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p, ctypes.POINTER(Nv), ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
lib.nghttp2_hd_inflate_end_headers.argtypes = [ctypes.c_void_p]


class Inflater:
    def __init__(self):
        self.p = ctypes.c_void_p()
        lib.nghttp2_hd_inflate_new(ctypes.byref(self.p))

    def fields(self, block):
        out, nv, flags = [], Nv(), ctypes.c_int()
        while True:
            n = lib.nghttp2_hd_inflate_hd2(self.p, nv, flags, block, len(block), 1)
            if n < 0:
                raise ValueError(f'HPACK {n}')
            block = block[n:]
            if flags.value & 2:
                out.append((nv.name[:nv.namelen].decode('latin-1'), nv.value[:nv.valuelen].decode('latin-1')))
            if flags.value & 1:
                lib.nghttp2_hd_inflate_end_headers(self.p)
                return out
            if not n and not flags.value & 2:
                return out


def integer(n):
    if n < 127:
        return bytes([n])
    out, n = [127], n - 127
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    return bytes(out + [n])


def block(fields):
    """Literal fields without indexing; names and values as bytes or text."""
    raw = lambda s: s if isinstance(s, bytes) else s.encode('latin-1')
    return b''.join(b'\0' + integer(len(raw(k))) + raw(k) + integer(len(raw(v))) + raw(v) for k, v in fields)


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream) + payload


def headers(stream, fields, end=True):
    b, most = block(fields), 16384
    parts = [b[i:i + most] for i in range(0, len(b), most)] or [b'']
    out = frame(HEADERS, (END_STREAM if end else 0) | (END_HEADERS if len(parts) == 1 else 0), stream, parts[0])
    for i, part in enumerate(parts[1:], 2):
        out += frame(CONTINUATION, END_HEADERS if i == len(parts) else 0, stream, part)
    return out


def onto(stream, frames):
    """The same frames on another stream."""
    out = b''
    while frames:
        n = 9 + int.from_bytes(frames[:3], 'big')
        on = int.from_bytes(frames[5:9], 'big')
        out += frames[:5] + struct.pack('>I', stream if on else 0) + frames[9:n]
        frames = frames[n:]
    return out


def rst(stream, code):
    return frame(RST_STREAM, 0, stream, struct.pack('>I', code))


class Message:
    def __init__(self):
        self.fields, self.body, self.trailers, self.interim, self.ended, self.reset = None, b'', None, [], False, None

    def get(self, name):
        return [v for k, v in self.fields or [] if k == name]

    @property
    def status(self):
        return int(self.get(':status')[0]) if self.get(':status') else None

    @property
    def reason(self):
        return (self.get('weft-reason') or [''])[0]

    def __repr__(self):
        return f'{self.fields} {self.body[:60]!r} trailers={self.trailers} ended={self.ended} reset={self.reset}'


class Peer:
    """Reads frames into messages by stream; acknowledges what must be."""

    def __init__(self, sock, server):
        self.sock, self.server, self.buf, self.streams, self.goaway, self.closed, self.inflater = sock, server, b'', {}, None, None, Inflater()
        if not server:
            self.send(PREFACE)
        self.send(frame(SETTINGS, 0, 0))

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def more(self):
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            self.closed = 'reset'
            return False
        if not data:
            self.closed = 'eof'
            return False
        self.buf += data
        return True

    def until(self, done):
        """Reads until `done()`; False when the connection ended or nothing came in time."""
        while not done():
            if self.server and self.buf.startswith(PREFACE):
                self.buf = self.buf[len(PREFACE):]
            n = int.from_bytes(self.buf[:3], 'big') if len(self.buf) >= 9 else None
            if n is not None and len(self.buf) >= 9 + n:
                kind, flags, stream = struct.unpack('>BBI', self.buf[3:9])
                payload, self.buf = self.buf[9:9 + n], self.buf[9 + n:]
                self.take(kind, flags, stream & 0x7fffffff, payload)
            elif self.closed or not self.more():
                return done()
        return True

    def take(self, kind, flags, stream, payload):
        m = self.streams.setdefault(stream, Message()) if stream else None
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            assert flags & END_HEADERS, 'CONTINUATION is not read here'
            self.head(m, self.inflater.fields(payload[5:] if flags & 0x20 else payload))
        elif kind == DATA:
            m.body += payload
            if payload:
                self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack('>I', len(payload))))
        elif kind == RST_STREAM:
            m.reset = struct.unpack('>I', payload)[0]
        elif kind == GOAWAY:
            self.goaway = struct.unpack('>I', payload[4:8])[0]
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            m.ended = True

    def head(self, m, fields):
        status = dict(fields).get(':status', '')
        if status.startswith('1'):
            m.interim.append(int(status))
        elif m.fields is None:
            m.fields = fields
        else:
            m.trailers = fields

    def message(self, stream):
        """The message on that stream when it is over (ended or reset), or as far as it came."""
        self.until(lambda: stream in self.streams and (self.streams[stream].ended or self.streams[stream].reset is not None))
        return self.streams.get(stream) or Message()


def dial(port, timeout=3.0):
    s = socket.create_connection(('127.0.0.1', port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(timeout)
    return Peer(s, server=False)
