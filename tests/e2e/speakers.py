# SPDX-License-Identifier: Apache-2.0
"""Both ends of tests/e2e/protocols: `serve` is the apps of one pod, `call` the checks of another."""
import asyncio, http.server, os, socket, ssl, subprocess, sys, threading, time

import grpc
import websockets.sync.client
from websockets.asyncio.server import serve as ws_serve

WS, MAIL, TLS, RPC, TWO, ONE, RPC_TWO = 8001, 8002, 8003, 8004, 8005, 8006, 8007
TOOLS = sys.argv[2]

# ---- the apps ----


async def chat(ws):
    async for message in ws:
        await ws.send(message)


def mail(conn):
    """Speaks first; counts what comes until the caller's half-close, then says how much that was."""
    with conn:
        conn.sendall(b'220 mail ready\r\n')
        n = 0
        while data := conn.recv(65536):
            n += len(data)
        conn.sendall(b'250 %d bytes\r\n' % n)


def secure(conn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f'{TOOLS}/cert.pem', f'{TOOLS}/key.pem')
    with context.wrap_socket(conn, server_side=True) as s:
        s.sendall(s.recv(1000)[::-1])


def listen(port, fn):
    s = socket.create_server(('0.0.0.0', port), backlog=50)

    def loop():
        while True:
            conn = s.accept()[0]
            threading.Thread(target=fn, args=(conn,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


class Methods(grpc.GenericRpcHandler):
    """Messages are bytes."""
    cancelled = 0
    failures = {}

    def __init__(self, name):
        self.name = name

    def service(self, details):
        name = details.method.rsplit('/', 1)[1]
        return {
            'Unary': grpc.unary_unary_rpc_method_handler(self.unary),
            'Up': grpc.stream_unary_rpc_method_handler(lambda it, c: b'%d' % sum(len(m) for m in it)),
            'Down': grpc.unary_stream_rpc_method_handler(self.down),
            'Both': grpc.stream_stream_rpc_method_handler(lambda it, c: (m[::-1] for m in it)),
            'Fail': grpc.unary_unary_rpc_method_handler(self.fail),
            'Wait': grpc.unary_unary_rpc_method_handler(self.wait),
            'Left': grpc.unary_unary_rpc_method_handler(lambda m, c: b'%.1f' % c.time_remaining()),
            'Name': grpc.unary_unary_rpc_method_handler(lambda m, c: self.name),
            'Metadata': grpc.unary_unary_rpc_method_handler(lambda m, c: repr([(k, v) for k, v in c.invocation_metadata() if k.startswith('x-')]).encode()),
            'Flaky': grpc.unary_unary_rpc_method_handler(self.flaky),
            'Cancelled': grpc.unary_unary_rpc_method_handler(lambda m, c: b'%d' % Methods.cancelled),
        }.get(name)

    def unary(self, m, c):
        c.send_initial_metadata((('x-initial', 'i'),))
        c.set_trailing_metadata((('x-trailing', 't'), ('x-bin', b'\x00\xff')))
        return m

    def down(self, m, c):
        for i in range(int(m)):
            yield b'%d' % i

    def fail(self, m, c):
        c.abort(grpc.StatusCode.FAILED_PRECONDITION, 'not today, 100% süre')

    def flaky(self, m, c):
        """b'KEY N': fails N times."""
        key, n = m.split()
        Methods.failures[key] = Methods.failures.get(key, 0) + 1
        if Methods.failures[key] <= int(n):
            c.abort(grpc.StatusCode.UNAVAILABLE, 'not yet')
        return b'%d' % Methods.failures[key]

    def wait(self, m, c):
        gone = threading.Event()
        c.add_callback(gone.set)
        if gone.wait(20) and not c.is_active():
            Methods.cancelled += 1
        return b''


class One(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        body = self.request_version.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *a):
        pass


def serve():
    from concurrent.futures import ThreadPoolExecutor
    listen(MAIL, mail)
    listen(TLS, secure)
    servers = []
    for name, port in ((b'one', RPC), (b'two', RPC_TWO)):
        server = grpc.server(ThreadPoolExecutor(20))
        server.add_generic_rpc_handlers((Methods(name),))
        server.add_insecure_port(f'0.0.0.0:{port}')
        server.start()
        servers.append(server)
    subprocess.Popen(['nghttpd', '--no-tls', '-d', TOOLS, str(TWO)])
    threading.Thread(target=http.server.ThreadingHTTPServer(('0.0.0.0', ONE), One).serve_forever, daemon=True).start()

    async def run():
        async with ws_serve(chat, '0.0.0.0', WS, max_size=None, ping_interval=None):
            await asyncio.Future()
    asyncio.run(run())


# ---- the checks ----

def websocket():
    with websockets.sync.client.connect('ws://chat.speak:80/room?x=1', max_size=None, compression=None, ping_interval=None) as ws:
        ws.send('grüße')
        assert ws.recv(5) == 'grüße'
        big = os.urandom(3000000)
        ws.send(big)
        assert ws.recv(20) == big
        ws.ping().wait(5)
        time.sleep(3)  # longer than the route's timeout of 2 s
        ws.send(b'after')
        assert ws.recv(5) == b'after'
    assert ws.close_code == 1000, ws.close_code


def websocket_compressed():
    with websockets.sync.client.connect('ws://chat.speak:80/') as ws:
        ws.send('a' * 10000)
        assert ws.recv(5) == 'a' * 10000


def speaks_first():
    with socket.create_connection(('mail.speak', 80), timeout=10) as s:
        assert s.recv(100) == b'220 mail ready\r\n'
        s.sendall(b'x' * 1000000)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b'250 1000000 bytes\r\n'
        assert s.recv(100) == b''


def own_tls():
    context = ssl.create_default_context(cafile=f'{TOOLS}/cert.pem')
    context.check_hostname = False
    with context.wrap_socket(socket.create_connection(('secure.speak', 80), timeout=10), server_hostname='secure') as s:
        s.sendall(b'secret')
        assert s.recv(100) == b'terces'
        assert dict(s.getpeercert()['subject'][0])['commonName'] == 'secure'


def method(kind, name):
    return getattr(grpc.insecure_channel('rpc.speak:80'), kind)(f'/test.Speak/{name}')


def grpc_unary():
    answer, call = method('unary_unary', 'Unary').with_call(b'm' * 100000, timeout=10, metadata=(('x-a', '1'),))
    assert answer == b'm' * 100000
    assert dict(call.initial_metadata())['x-initial'] == 'i'
    trailing = dict(call.trailing_metadata())
    assert trailing['x-trailing'] == 't' and trailing['x-bin'] == b'\x00\xff'


def grpc_streams():
    assert method('stream_unary', 'Up')((b'x' * 1000 for _ in range(1000)), timeout=10) == b'1000000'
    assert list(method('unary_stream', 'Down')(b'1000', timeout=10)) == [b'%d' % i for i in range(1000)]
    turn = threading.Semaphore(1)

    def one_by_one():
        for i in range(50):
            turn.acquire()
            yield b'%d' % i
    for i, m in enumerate(method('stream_stream', 'Both')(one_by_one(), timeout=10)):
        assert m == (b'%d' % i)[::-1]
        turn.release()
    assert i == 49


def grpc_status():
    try:
        method('unary_unary', 'Fail')(b'', timeout=10)
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.FAILED_PRECONDITION and e.details() == 'not today, 100% süre', e
        return
    raise AssertionError('no error')


def grpc_deadline():
    left = float(method('unary_unary', 'Left')(b'', timeout=50))
    assert 45 < left <= 50, left
    try:
        method('unary_unary', 'Wait')(b'', timeout=0.5)
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, e
        return
    raise AssertionError('no error')


def grpc_cancel():
    count = lambda: int(method('unary_unary', 'Cancelled')(b'', timeout=5))
    before = count()
    call = method('unary_unary', 'Wait').future(b'')
    time.sleep(0.3)
    call.cancel()
    end = time.time() + 5
    while count() <= before:
        assert time.time() < end, 'the app did not hear of it'
        time.sleep(0.05)


def routed(channel, path, message=b'', metadata=(), timeout=10):
    """-> (code, answer or details, initial metadata)"""
    try:
        answer, call = channel.unary_unary(path).with_call(message, timeout=timeout, metadata=metadata)
        return 'OK', answer, dict(call.initial_metadata())
    except grpc.RpcError as e:
        return e.code().name, e.details(), dict(e.initial_metadata() or ())


def grpc_route():
    """By service, method and metadata; nothing matches: UNIMPLEMENTED; a backend that is not there: UNAVAILABLE."""
    with grpc.insecure_channel('calls.speak:80') as c:
        assert routed(c, '/test.Who/Name', metadata=(('x-to', 'two'),))[:2] == ('OK', b'two')
        code, why, _ = routed(c, '/test.Other/Name')
        assert code == 'UNIMPLEMENTED' and why.startswith('weft: no_route'), (code, why)
        code, why, _ = routed(c, '/test.Gone/Name')
        assert code == 'UNAVAILABLE' and why.startswith('weft: invalid_backend'), (code, why)
    assert curl('-w', '%{http_code}', '-o', '/dev/null', 'http://calls.speak/test.Who/Name') == '404'


def grpc_route_weights():
    """500 calls on one channel, as the conformance suite makes them: 70/30, and a third of weight 0 that is not there."""
    seen = {}
    with grpc.insecure_channel('calls.speak:80') as c:
        for _ in range(500):
            code, answer, _ = routed(c, '/test.Who/Name')
            assert code == 'OK', (code, answer)
            seen[answer] = seen.get(answer, 0) + 1
    assert set(seen) == {b'one', b'two'} and abs(seen[b'one'] / 500 - 0.7) < 0.05, seen


def grpc_route_headers():
    with grpc.insecure_channel('calls.speak:80') as c:
        code, answer, initial = routed(c, '/test.Speak/Metadata', metadata=(('x-set', 'old'), ('x-add', 'first'), ('x-gone', '1'), ('x-kept', 'k')))
        assert code == 'OK', answer
        got = eval(answer)
        assert ('x-set', 'by-route') in got and ('x-set', 'old') not in got and ('x-kept', 'k') in got, got
        assert not [k for k, _ in got if k == 'x-gone'], got
        assert ','.join(v for k, v in got if k == 'x-add').replace(' ', '') == 'first,more', got
        assert initial['x-by'] == 'route', initial


def grpc_route_retry():
    with grpc.insecure_channel('calls.speak:80') as c:
        assert routed(c, '/test.Speak/Flaky', b'twice 2')[:2] == ('OK', b'3')
        assert routed(c, '/test.Speak/Flaky', b'often 9')[:2] == ('UNAVAILABLE', 'not yet')
        assert routed(c, '/test.Speak/Fail')[0] == 'FAILED_PRECONDITION'
    with grpc.insecure_channel('rpc.speak:80') as c:  # no route: as the app answers
        assert routed(c, '/test.Speak/Flaky', b'plain 1')[:2] == ('UNAVAILABLE', 'not yet')
        assert routed(c, '/test.Speak/Flaky', b'often 0')[:2] == ('OK', b'5')  # four before: one and three retries


def grpc_route_timeout():
    with grpc.insecure_channel('calls.speak:80') as c:
        code, why, _ = routed(c, '/test.Speak/Wait', timeout=15)
        assert code == 'DEADLINE_EXCEEDED' and why.startswith('weft: request_timeout'), (code, why)


def curl(*args):
    return subprocess.run(['curl', '-sS', '-m', '10', *args], capture_output=True, text=True).stdout


def translated():
    got = curl('--http1.1', '-w', '%{http_code} %{http_version}', '-o', '/dev/null', 'http://two.speak/speakers.py')
    assert got == '200 1.1', got
    got = curl('--http2-prior-knowledge', '-w', ' %{http_code} %{http_version}', 'http://one.speak/')
    assert got == 'HTTP/1.1 200 2', got


def call():
    failed = 0
    for check in (websocket, websocket_compressed, speaks_first, own_tls, grpc_unary, grpc_streams, grpc_status, grpc_deadline, grpc_cancel, grpc_route, grpc_route_weights,
                  grpc_route_headers, grpc_route_retry, grpc_route_timeout, translated):
        try:
            check()
            print('ok', check.__name__)
        except Exception as e:
            failed += 1
            print('not ok', check.__name__, repr(e)[:600])
    sys.exit(1 if failed else 0)


serve() if sys.argv[1] == 'serve' else call()
