# SPDX-License-Identifier: Apache-2.0
"""A strict reader of the Prometheus text format 0.0.4: what it does not like, promtool does not either."""
import re

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
VALUE = re.compile(r'[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf|NaN)$')
SUFFIXES = ('_bucket', '_sum', '_count')


def sample(line):
    """(name, labels in order, value); a ValueError says what is wrong."""
    name = NAME.match(line)
    if not name:
        raise ValueError('no metric name')
    rest, labels = line[name.end():], []
    if rest.startswith('{'):
        rest = rest[1:]
        while not rest.startswith('}'):
            if labels:
                if not rest.startswith(','):
                    raise ValueError('labels are not separated by a comma')
                rest = rest[1:]
            label = LABEL.match(rest)
            if not label:
                raise ValueError(f'bad label at {rest[:30]!r}')
            labels.append(label.groups())
            rest = rest[label.end():]
        rest = rest[1:]
    if not rest.startswith(' ') or not VALUE.match(rest[1:]):
        raise ValueError(f'bad value {rest!r}')
    if len(dict(labels)) != len(labels):
        raise ValueError('a label twice')
    return name[0], labels, float(rest[1:])


def histogram(name, series):
    """Of one set of labels: [(suffix, le or None, value)] in the order of the text."""
    buckets = [(float(le), v) for suffix, le, v in series if suffix == '_bucket']
    others = {suffix: v for suffix, _, v in series if suffix != '_bucket'}
    if set(others) != {'_sum', '_count'}:
        yield f'{name}: _sum and _count are not there once each'
    elif not buckets or buckets[-1][0] != float('inf') or buckets[-1][1] != others['_count']:
        yield f'{name}: the last bucket is not +Inf or not the count'
    if [b[0] for b in buckets] != sorted({b[0] for b in buckets}) or [b[1] for b in buckets] != sorted(b[1] for b in buckets):
        yield f'{name}: buckets do not grow'


def lint(name, kind, help_text):
    """Naming rules that promtool check metrics has, too."""
    if not help_text:
        yield f'{name}: no help'
    if (kind == 'counter') != name.endswith('_total'):
        yield f'{name}: a {kind}, by its name it is not'
    if kind != 'histogram' and name.endswith(SUFFIXES):
        yield f'{name}: the suffix is for histograms'
    if re.search(r'_(ms|us|milliseconds|microseconds|kilobytes|kb|minutes|hours)(_|$)', name):
        yield f'{name}: not in base units'
    if re.search(r'[A-Z]|__', name) or kind in name.split('_'):
        yield f'{name}: the name has capitals, two underscores or its kind'


def check(text):
    """All faults of a whole exposition, as a list of texts."""
    faults, kinds, helps, seen, closed, current, parts = [], {}, {}, set(), set(), None, {}
    if not text.endswith('\n'):
        faults.append('the last line has no end')
    for n, line in enumerate(text.splitlines(), 1):
        meta = re.match(r'# (HELP|TYPE) (\S+) (.*)$', line)
        if meta:
            into = helps if meta[1] == 'HELP' else kinds
            if meta[2] in into or any(s[0].startswith(meta[2]) and s[0] in (meta[2], *(meta[2] + x for x in SUFFIXES)) for s in seen):
                faults.append(f'{n}: {meta[1]} of {meta[2]} twice or after its samples')
            into[meta[2]] = meta[3]
            continue
        if line.startswith('#'):
            continue
        try:
            name, labels, value = sample(line)
        except ValueError as e:
            faults.append(f'{n}: {e}: {line[:100]}')
            continue
        suffix = next((x for x in SUFFIXES if name.endswith(x) and kinds.get(name[:-len(x)]) == 'histogram'), '')
        family = name[:len(name) - len(suffix)]
        if family != current:
            if family in closed:
                faults.append(f'{n}: {family} is not in one piece')
            closed.add(family)
            current = family
        key = (name, tuple(sorted(labels)))
        if key in seen:
            faults.append(f'{n}: the series is there twice: {line[:100]}')
        seen.add(key)
        if family not in kinds or family not in helps:
            faults.append(f'{n}: {family} has no TYPE or no HELP')
        if kinds.get(family) == 'counter' and value < 0:
            faults.append(f'{n}: a counter below zero')
        if suffix:
            le = dict(labels).get('le')
            of = tuple(sorted(x for x in labels if x[0] != 'le'))
            parts.setdefault((family, of), []).append((suffix, le.replace('+Inf', 'inf') if le else None, value))
    for (family, _), series in parts.items():
        faults += histogram(family, series)
    for family, kind in kinds.items():
        faults += lint(family, kind, helps.get(family))
    return faults
