# SPDX-License-Identifier: Apache-2.0
"""Who may talk to whom, what is on the wire, and what nobody can forge. (That no token gives another's
certificate: tests/direct/test_ads_trust.c.)"""
import os, subprocess, time
from lab import Capture, equal, ok, wait_for

CLIENT, BARE = 'shop/client', 'bare/client'
WEB = 'spiffe://cluster.local/ns/shop/sa/web-v1'
ME = 'spiffe://cluster.local/ns/shop/sa/client'
SAFE = 'http://safe.vault:8080/'


def modes(m):
    r = m.get(CLIENT, SAFE)
    ok('a meshed pod reaches a strict one', r.status == 200 and r.seen('x-forwarded-client-cert'), r)
    before = m.metric('vault/safe', 'weft_refused_connections_total', 'denied')
    r = m.get(BARE, SAFE)
    ok('a pod without sidecar does not', r.status == 0 and r.code in (52, 56), r)
    equal('... which is counted', m.metric('vault/safe', 'weft_refused_connections_total', 'denied') - before, 1)
    line = wait_for('the log line', lambda: [e for e in m.log('vault/safe') if e.get('reason') == 'denied'])
    ok('... and logged with reason and address', line and line[-1]['protocol'] == 'refused' and line[-1]['client'], line)
    equal('neither does opaque TCP from there', m.probe(BARE, 'half', 'safe.vault', 9000, 'hello').split('|')[0], '')
    r = m.get(BARE, 'http://web-v1.shop/')
    ok('a permissive pod serves it', r.status == 200 and r.seen('x-forwarded-client-cert') is None, r)
    equal('strict but for one port: that port is open', m.probe(BARE, 'half', 'mixed.shop', 9000, 'hello'), 'hello|eof')
    equal('... the others are not', m.get(BARE, 'http://mixed.shop/').status, 0)
    equal('... and meshed callers know which is which', (m.probe(CLIENT, 'half', 'mixed', 9000, 'hello'), m.get(CLIENT, 'http://mixed/').status), ('hello|eof', 200))
    r = m.get('vault/client', 'http://plain.bare/')
    ok('a strict pod may call one without sidecar', r.status == 200 and r.pod == 'plain', r)


def forged(m):
    evil = 'URI=spiffe://cluster.local/ns/kube-system/sa/admin'
    names = ('x-forwarded-client-cert', 'X-Forwarded-Client-Cert')
    for pod, name in ((CLIENT, names[0]), (CLIENT, names[1])):
        r = m.get(pod, 'http://web-v1/', '-H', f'{name}: {evil}', '-H', f'{name}: By=x;{evil}')
        equal(f'the app sees the caller\'s real ID whatever {name} says', r.seen('x-forwarded-client-cert'), f'By={WEB};URI={ME}')
    r = m.get(BARE, 'http://web-v1.shop/', '-H', f'{names[0]}: {evil}')
    ok('a caller without sidecar has none', r.status == 200 and r.seen('x-forwarded-client-cert') is None, r)
    for pod, url in ((CLIENT, 'http://web-v1/'), (CLIENT, 'http://plain.bare/'), (BARE, 'http://web-v1.shop/')):
        r = m.get(pod, url, '-H', 'weft-hop: 1;app=h2;framing=none', '-H', 'Weft-Hop: 1;unprocessed', '-d', 'body')
        ok(f'weft-hop from {pod} never reaches an app at {url}', r.status == 200 and r.seen('weft-hop') is None and r.echo['body_bytes'] == 4, r)
        ok('... nor changes how that is called', r.echo.get('proto') == 'HTTP/1.1' and r.header('weft-hop') is None, r)


def certificate(folder, name, uri):
    """A certificate by a root of our own, as PEM files."""
    base = os.path.join(folder, name)
    run = lambda *a: subprocess.run(['openssl', *a], check=True, capture_output=True)
    run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{base}.root.key', '-out', f'{base}.root', '-subj', '/O=other', '-days', '1')
    run('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{base}.key', '-out', f'{base}.csr', '-subj', '/O=other')
    with open(f'{base}.ext', 'w') as f:
        f.write(f'subjectAltName=critical,URI:{uri}\nextendedKeyUsage=clientAuth,serverAuth\nkeyUsage=digitalSignature\n')
    run('x509', '-req', '-in', f'{base}.csr', '-CA', f'{base}.root', '-CAkey', f'{base}.root.key', '-CAcreateserial', '-days', '1', '-extfile', f'{base}.ext', '-out', f'{base}.pem')
    return f'{base}.pem', f'{base}.key'


def tls(m, pod, to, *options):
    """One HTTP/1.1 request over TLS from beside a pod's app; what came back and what s_client said."""
    p = subprocess.run(m.inside(pod, 'openssl', 's_client', '-quiet', '-connect', to, '-tls1_3', '-alpn', 'weft-h1', *options), text=True, errors='replace',
                       input='GET /by-hand HTTP/1.1\r\nhost: safe\r\nconnection: close\r\n\r\n', capture_output=True, timeout=15)
    return p.stdout + p.stderr


def foreign(m):
    to = f'{m.pod("vault/safe")["ip"]}:8080'
    cert, key = certificate(m.work.path, 'other', ME)
    failed = lambda: m.metric('vault/safe', 'weft_tls_handshakes_total', 'inbound', 'failed')
    before = failed()
    # Control: the very same way in, with the certificate of a member of the mesh.
    state = f'/proc/{m.container(CLIENT, "weft-proxy")["pid"]}/root/run/weft/state'
    text = tls(m, BARE, to, '-cert', f'{state}/chain.pem', '-key', f'{state}/key.pem')
    ok('control: a certificate of the mesh opens a strict pod', '200 OK' in text and f'URI={ME}' in text, text)
    text = tls(m, BARE, to, '-cert', cert, '-key', key)
    ok('the same ID by another CA does not', 'HTTP/1.1' not in text and 'unknown ca' in text, text)
    text = tls(m, BARE, to)
    ok('nor does no certificate', 'HTTP/1.1' not in text and 'certificate required' in text, text)
    equal('... which is counted', wait_for('both failures', lambda: failed() - before == 2) and 2, 2)
    ok('TLS that is not of the mesh is refused by a strict pod', 'HTTP/1.1' not in tls(m, BARE, to, '-alpn', 'http/1.1'), '')


def wire(m):
    on = Capture(m, 'shop/web-v1', 'wire')
    mark, plain = 'marker-of-meshed-callers', 'marker-of-bare-callers'
    ips = [i['ip'] for i in m.pod('shop/web-v1')['ips']]
    replies = [m.get(CLIENT, 'http://web-v1/' + mark, '-H', f'x-mark: {mark}', '-d', mark) for _ in range(3)]
    replies.append(m.get(CLIENT, f'http://{ips[0]}:8080/{mark}'))
    equal('opaque bytes to a meshed pod come back', m.probe(CLIENT, 'half', 'web-v1', 9000, mark), f'{mark}|eof')
    control = m.get(BARE, 'http://web-v1.shop/', '-H', f'x-mark: {plain}')
    seen = on.stop()
    equal('(all were answered)', [r.status for r in (*replies, control)], [200] * 5)
    ok('control: the capture shows what a pod without sidecar sends', plain.encode() in seen, f'{len(seen)} bytes')
    ok('nothing of meshed callers is readable: Service, pod address (REQ-028), opaque TCP', mark.encode() not in seen and len(seen) > 5000, f'{len(seen)} bytes')
    ok('... and not their identities either', ME.encode() not in seen, f'{len(seen)} bytes')


def never_plain(m):
    """A pod that is published as meshed but whose rules are gone: its app is there, in plain."""
    equal('(naked is meshed at first)', m.get(CLIENT, 'http://naked/').status, 200)
    for p in [c for c in m.pod('shop/naked')['containers'] if c['name'] == 'weft-proxy']:
        os.kill(p['pid'], 19)           # stopped, so that kept connections do not answer for it
    subprocess.run(m.inside('shop/naked', os.path.join(m.work.bin, 'weft-init'), '--cleanup'), check=True, capture_output=True)
    ok('(its app can now be reached in plain)', m.get(BARE, 'http://naked.shop/').status == 200)
    on, mark = Capture(m, 'shop/naked', 'naked'), 'marker-never-plain'
    r = m.get(CLIENT, f'http://naked/{mark}', '-m', '3')
    raw = m.probe(CLIENT, 'half', 'naked', 9000, mark)
    seen = on.stop()
    ok('never in plain to a meshed endpoint, even when only plain would work', r.status in (0, 503) and mark.encode() not in seen, f'{r} {raw}')
    ok('... nor opaque bytes', mark not in raw, raw)
    os.kill(p['pid'], 18)


def run(m):
    modes(m)
    forged(m)
    foreign(m)
    wire(m)
    never_plain(m)
