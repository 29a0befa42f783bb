# SPDX-License-Identifier: Apache-2.0
"""The manifests of the meshes: namespaces, pods, Services, and short ways to write a route."""

GATEWAY = 'gateway.networking.k8s.io/v1'
PORTS = [{'name': 'http', 'port': 80, 'targetPort': 8080, 'appProtocol': 'http'},
         {'name': 'alt', 'port': 8080, 'targetPort': 8080, 'appProtocol': 'http'},
         {'name': 'any', 'port': 81, 'targetPort': 8080},
         {'name': 'bytes', 'port': 9000, 'targetPort': 9000}]


def namespace(name, inject='enabled', **annotations):
    return {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name, 'labels': {'weftmesh.io/inject': inject}, 'annotations': annotations}}


def spec(app, args=('--listen', '8080', '--tcp', '9000'), **more):
    container = {'name': 'app', 'image': 'weft-echo', 'args': list(args), 'ports': [{'name': 'http', 'containerPort': 8080}],
                 'env': [{'name': 'POD_NAME', 'valueFrom': {'fieldRef': {'fieldPath': 'metadata.name'}}}],
                 'readinessProbe': {'httpGet': {'path': '/healthz', 'port': 8080}, 'periodSeconds': 1, 'timeoutSeconds': 5}, **more}
    return {'serviceAccountName': app, 'terminationGracePeriodSeconds': 5, 'containers': [container]}


def client(ns, name='client'):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name, 'namespace': ns, 'labels': {'app': name}},
            'spec': {'serviceAccountName': name, 'terminationGracePeriodSeconds': 1,
                     'containers': [{'name': 'app', 'image': 'sleep', 'command': ['sleep', 'infinity']}]}}


def pod(ns, name, annotations=None, labels=None, **more):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name, 'namespace': ns, 'labels': labels or {'app': name},
                                                            'annotations': annotations or {}}, 'spec': spec(name, **more)}


def deployment(ns, name, replicas, labels=None, **more):
    return {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': name, 'namespace': ns},
            'spec': {'replicas': replicas, 'selector': {'matchLabels': {'app': name}},
                     'template': {'metadata': {'labels': {'app': name, **(labels or {})}}, 'spec': spec(name, **more)}}}


def service(ns, name, selector=None, ports=PORTS, **more):
    s = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name, 'namespace': ns},
         'spec': {'ipFamilyPolicy': 'PreferDualStack', 'ports': ports, **more}}
    if selector:
        s['spec']['selector'] = selector
    return s


def route(ns, name, rules, parent=None, parent_ns=None, **ref):
    parent = {'group': '', 'kind': 'Service', 'name': parent or name, **({'namespace': parent_ns} if parent_ns else {}), **ref}
    return {'apiVersion': GATEWAY, 'kind': 'HTTPRoute', 'metadata': {'name': name, 'namespace': ns}, 'spec': {'parentRefs': [parent], 'rules': rules}}


def to(name, weight=None, ns=None, port=80):
    return {'name': name, 'port': port, **({'weight': weight} if weight is not None else {}), **({'namespace': ns} if ns else {})}


def says(header, value, ns='x'):
    """A filter by which answers show that a rule was applied."""
    return {'type': 'ResponseHeaderModifier', 'responseHeaderModifier': {'set': [{'name': header, 'value': value}]}}


def rule(*backends, path=None, exact=None, headers=None, filters=(), **more):
    r = {'backendRefs': list(backends), **more}
    match = {}
    if path or exact:
        match['path'] = {'type': 'PathPrefix' if path else 'Exact', 'value': path or exact}
    if headers:
        match['headers'] = [{'name': k, 'value': v} for k, v in headers.items()]
    if match:
        r['matches'] = [match]
    if filters:
        r['filters'] = list(filters)
    return r


def redirect(prefix, **fields):
    return {'matches': [{'path': {'type': 'PathPrefix', 'value': prefix}}], 'filters': [{'type': 'RequestRedirect', 'requestRedirect': fields}]}


def rewrite(**fields):
    return {'type': 'URLRewrite', 'urlRewrite': fields}


def main_docs(flag_file):
    """The mesh that most is tried in. `flag_file`: as long as it exists, pod flip is ready."""
    return [
        namespace('shop'), namespace('away'), namespace('bare', 'disabled'), namespace('vault', **{'weftmesh.io/mtls': 'strict'}),
        client('shop'), client('away'), client('bare'), client('vault'),
        deployment('shop', 'web-v1', 1, {'web': 'yes'}), deployment('shop', 'web-v2', 1, {'web': 'yes'}),
        pod('shop', 'self'), pod('shop', 'mail', args=['--listen', '8080', '--tcp', '9000', '--greeting', '220 mail ready']),
        pod('shop', 'naked'), pod('bare', 'plain'), pod('vault', 'safe'),
        pod('shop', 'mixed', {'weftmesh.io/mtls': 'strict', 'weftmesh.io/mtls-ports': '9000=disabled'}),
        pod('shop', 'flip', readinessProbe={'exec': {'command': ['test', '-e', flag_file]}, 'periodSeconds': 1, 'timeoutSeconds': 5}),
        service('shop', 'web', {'web': 'yes'}), service('shop', 'web-v1', {'app': 'web-v1'}), service('shop', 'web-v2', {'app': 'web-v2'}),
        service('shop', 'self', {'app': 'self'}), service('shop', 'mail', {'app': 'mail'}), service('shop', 'naked', {'app': 'naked'}),
        service('shop', 'flip', {'app': 'flip'}), service('shop', 'mixed', {'app': 'mixed'}),
        service('shop', 'heads', {'web': 'yes'}, [{'name': 'http', 'port': 8080, 'appProtocol': 'http'}], clusterIP='None'),
        service('shop', 'h2', {'app': 'web-v1'}, [{'name': 'h2', 'port': 80, 'targetPort': 8080, 'appProtocol': 'kubernetes.io/h2c'}]),
        service('shop', 'grpc', {'app': 'web-v1'}, [{'name': 'grpc', 'port': 80, 'targetPort': 8080, 'appProtocol': 'grpc'}]),
        service('bare', 'plain', {'app': 'plain'}), service('vault', 'safe', {'app': 'safe'}),
        *[service('shop', name) for name in ('split', 'match', 'broken', 'slow', 'again', 'mods', 'moved', 'rewritten', 'shared')],
    ]


def load_docs(bin_dir):
    """The second mesh: certificates that rotate, pods that come and go."""
    stays = ['sh', '-c', f'trap "sleep 0.5; exit 0" TERM; {bin_dir}/weft-echo --listen 8080 & wait']
    return [namespace('load'), client('load'), deployment('load', 'web', 2), service('load', 'web', {'app': 'web'}),
            deployment('load', 'elastic', 3, args=[], command=stays), service('load', 'elastic', {'app': 'elastic'})]
