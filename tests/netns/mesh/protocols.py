# SPDX-License-Identifier: Apache-2.0
"""What apps may speak through two sidecars, and to themselves."""
import os, re, time
from lab import equal, ok, wait_for

CLIENT = 'shop/client'
REFUSED = ('|eof', '|ConnectionResetError', 'error ConnectionResetError', 'error BrokenPipeError')


def itself(m):
    r = m.get('shop/self', 'http://self/')
    ok('an app calls its own Service', r.status == 200 and r.pod == 'self', r)
    for host in ('localhost', '127.0.0.1', '[::1]'):
        r = m.get('shop/self', f'http://{host}:8080/')
        ok(f'... itself by {host}, without the proxy', r.status == 200 and r.seen('x-request-id') is None, r)
    ip = m.pod('shop/self')['ip']
    equal('... and by its own pod address', m.get('shop/self', f'http://{ip}:8080/').status, 200)


def loops(m):
    ip = m.pod('shop/web-v1')['ip']
    for port in (15001, 15006):
        before = m.metric('shop/web-v1', 'weft_refused_connections_total', 'loop')
        got = m.probe('bare/client', 'send', ip, port, 'GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
        ok(f'{port} called from outside: refused, not a loop', got in REFUSED, got)
        ok('... counted', m.metric('shop/web-v1', 'weft_refused_connections_total', 'loop') == before + 1)
        before = m.metric('shop/self', 'weft_refused_connections_total', 'loop')
        for host in ('127.0.0.1', '::1', m.pod('shop/self')['ip']):
            got = m.probe('shop/self', 'send', host, port, 'GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
            ok(f'{port} called by the app itself at {host}: refused', got in REFUSED, got)
        ok('... counted', m.metric('shop/self', 'weft_refused_connections_total', 'loop') == before + 3)
        got = m.get(CLIENT, f'http://{ip}:{port}/')
        ok(f'{port} of another pod called by a meshed app', got.status in (0, 503, 508), got)
    equal('the proxy lives', m.get(CLIENT, 'http://web-v1/').status, 200)


def opaque(m):
    equal('a server that speaks first, through both sidecars', m.probe(CLIENT, 'wait', 'mail', 9000), '220 mail ready')
    equal('... by its pod address', m.probe(CLIENT, 'wait', m.pod('shop/mail')['ip'], 9000), '220 mail ready')
    equal('... to a caller without sidecar', m.probe('bare/client', 'wait', 'mail.shop', 9000), '220 mail ready')
    ok('... over mTLS with proved identities', wait_for('the log', lambda: any(e['direction'] == 'inbound' and e['protocol'] == 'opaque' and
       e.get('peer_id', '').endswith('/sa/client') for e in m.log('shop/mail'))), m.log('shop/mail'))
    equal('half-close of opaque bytes', m.probe(CLIENT, 'half', 'web-v1', 9000, 'until the end'), 'until the end|eof')
    equal('500 messages to and fro', m.probe(CLIENT, 'talk', 'web-v1', 9000, 500), '500')
    got = m.probe(CLIENT, 'half', 'web-v1', 80, 'GET /half HTTP/1.1\\r\\nhost: web-v1\\r\\nconnection: close\\r\\n\\r\\n')
    ok('half-close of HTTP/1.1: the answer comes', got.startswith('HTTP/1.1 200') and got.endswith('eof'), got)


def versions(m):
    r = m.get(CLIENT, 'http://web-v1/', '--http1.0')
    ok('HTTP/1.0', r.status == 200 and r.echo.get('proto') == 'HTTP/1.0', r)
    got = m.probe(CLIENT, 'send', 'web-v1', 80, 'GET /no-host HTTP/1.0\\r\\n\\r\\n')
    ok('... without Host', got.startswith('HTTP/1.') and ' 200 ' in got and '"host":""' in got.replace('null', '""') and got.endswith('eof'), got)
    for name, port in (('h2', 80), ('web-v1', 81)):
        r = m.get(CLIENT, f'http://{name}:{port}/', '--http2-prior-knowledge')
        ok(f'HTTP/2 with prior knowledge to {name}:{port}', r.status == 200 and r.version == '2' and r.echo.get('proto') == 'HTTP/2', r)
    r = m.get(CLIENT, 'http://web-v1:81/')
    ok('HTTP/1.1 on a port that says nothing', r.status == 200 and r.echo.get('proto') == 'HTTP/1.1' and r.seen('x-forwarded-client-cert'), r)
    frame = os.path.join(m.work.out, 'frame')
    with open(frame, 'wb') as f:
        f.write(b'\0\0\0\0\5hello')
    for status, query in ((0, ''), (7, '?grpc_status=7')):
        p = m.run(CLIENT, 'nghttp', '-v', '-H', 'content-type: application/grpc', '-H', 'te: trailers', '-d', frame, f'http://grpc/echo.Echo/Unary{query}')
        ok(f'gRPC with status {status} in its trailers', 'hello' in p.stdout and f'grpc-status: {status}' in p.stdout, p.stdout + p.stderr)
    p = m.run(CLIENT, 'nghttp', '-v', '-H', 'content-type: application/grpc', '-H', 'te: trailers', '-d', frame, 'http://match/echo.Echo/Unary')
    ok('gRPC to routes that do not match: a gRPC answer (REQ-036)', re.search(r'grpc-status: 12', p.stdout), p.stdout)


def bodies(m):
    body, size = os.path.join(m.work.out, 'body'), 10 << 20
    with open(body, 'wb') as f:
        f.write(os.urandom(1 << 20) * 10)
    for name, url, *options in (('HTTP/1.1', 'http://web-v1'), ('HTTP/2', 'http://h2', '--http2-prior-knowledge')):
        r = m.get(CLIENT, url + '/up', *options, '--data-binary', '@' + body)
        equal(f'10 MB up over {name}', r.echo.get('body_bytes'), size)
        p = m.run(CLIENT, 'curl', '-s', *options, '-o', '/dev/null', '-w', '%{http_code} %{size_download}', f'{url}/down?size={size}')
        equal(f'10 MB down over {name}', p.stdout, f'200 {size}')
        p = m.run(CLIENT, 'sh', '-c', f'curl -s {" ".join(options)} -T {body} "{url}/echo?echo=1" | cmp - {body} && echo same')
        equal(f'10 MB up and back, the same bytes, over {name}', p.stdout.strip(), 'same')
        p = m.run(CLIENT, 'sh', '-c', f'curl -s {" ".join(options)} -H "transfer-encoding: chunked" -T - {url}/chunked <{body}')
        ok(f'10 MB without a length over {name}', f'"body_bytes":{size}' in p.stdout, p.stdout)
    r = m.run(CLIENT, 'curl', '-sv', '-H', 'Expect: 100-continue', '--expect100-timeout', '10', '-d', 'x' * 2000, 'http://web-v1/expect')
    ok('Expect: 100-continue reaches the app and its 100 comes back', 'HTTP/1.1 100' in r.stderr and '"body_bytes":2000' in r.stdout, r.stderr)
    r = m.run(CLIENT, 'curl', '-sv', 'http://web-v1/?info=103')
    ok('interim answers come through', 'HTTP/1.1 103' in r.stderr and 'HTTP/1.1 200' in r.stderr, r.stderr)
    for method, status in (('HEAD', 200), ('GET', 204), ('GET', 304)):
        options = ['-I'] if method == 'HEAD' else []
        r = m.get(CLIENT, f'http://web-v1/?status={status}', *options)
        ok(f'{method} with {status} ends', r.status == status and not r.body.strip() and r.code == 0, r)


def run(m):
    itself(m)
    loops(m)
    opaque(m)
    versions(m)
    bodies(m)
