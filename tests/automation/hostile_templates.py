"""Templates that try to get out, to run for ever, or to fill the memory; each has to end in an error."""

from __future__ import annotations

ESCAPES = r"""
{{ ''.__class__ }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__'] }}
{{ ''|attr('__class__') }}
{{ ''|attr('__cla' ~ 'ss__') }}
{{ [1]|map(attribute='__class__')|list }}
{{ ['']|map('attr', '__class__')|list }}
{{ [1]|map(attribute='real.__class__')|list }}
{{ ['a']|selectattr('__class__')|list }}
{{ ['a']|sort(attribute='__class__') }}
{{ ['a']|groupby('__class__')|list }}
{{ ['a']|sum(attribute='__class__') }}
{{ ['a']|join(attribute='__class__') }}
{{ ['a']|unique(attribute='__class__')|list }}
{{ ['a']|max(attribute='__class__') }}
{{ '{0.__class__}'.format(1) }}
{{ '{0.__class__.__mro__}'.format('') }}
{{ '{x.__init__.__globals__}'.format(x=states) }}
{{ '{0[__class__]}'.format('') }}
{{ '{a.__class__}'.format_map({'a': 1}) }}
{{ ('{0.__class__}'|attr('format'))(1) }}
{{ ['{0.__class__}']|map('attr', 'format')|map('string')|list }}{{ ''.__doc__ }}
{{ states.__init__.__globals__ }}
{{ states.__class__ }}
{{ states._world }}
{{ states.sensor.a._state }}
{{ states.sensor.a.__class__ }}
{{ states.sensor.a['_world'] }}
{{ states.sensor.__iter__ }}
{{ states.sensor.a.context._context }}
{{ now.__globals__ }}
{{ now.__wrapped__ }}
{{ range.__self__ }}
{{ float.__code__ }}
{{ dict.fromkeys([1]) }}
{{ dict.__subclasses__() }}
{{ namespace.__init__ }}
{{ namespace().__init__.__globals__ }}
{{ cycler.__init__.__globals__ }}
{{ joiner.__init__.__globals__ }}
{{ lipsum.__globals__ }}
{{ self.__init__ }}
{{ self._TemplateReference__context }}
{{ self }}{{ self.x }}
{{ loop.__class__ }}
{% for x in [1] %}{{ loop.__class__ }}{% endfor %}
{% for x in [1] %}{{ loop._iterator }}{% endfor %}
{% for x in [1] %}{{ loop._recurse }}{{ loop._undefined }}{% endfor %}
{% macro m() %}{% endmacro %}{{ m.__init__ }}
{% macro m() %}{% endmacro %}{{ m._func }}
{% macro m() %}{% endmacro %}{{ m._environment }}
{% macro m() %}{% endmacro %}{{ m.name }}
{{ (x for x in [1]).gi_frame }}
{{ ([1]|map('string')).gi_frame }}
{{ ([1]|map('string')).gi_code }}
{{ ([1]|map('string')).send(1) }}
{{ undefined_name.__class__ }}
{{ undefined_name._undefined_obj }}
{{ now().__class__ }}
{{ now().now() }}
{{ now().today() }}
{{ now().utcnow() }}
{{ now().fromtimestamp(0) }}
{{ now().strptime('2026', '%Y') }}
{{ now().tzinfo.from_file('/etc/passwd') }}
{{ now().tzinfo.clear_cache() }}
{{ (1).from_bytes('a', 'big') }}
{{ (1).to_bytes(1000000000, 'big') }}
{{ (1.5).fromhex('1') }}
{{ 'a'.encode('utf-8') }}
{{ 'a'.maketrans('a', 'b') }}
{{ 'a'.translate({97: 'b'}) }}
{{ {}.fromkeys([1]) }}
{{ [].append(1) }}
{{ [1].clear() }}
{{ {'a': 1}.pop('a') }}
{{ {'a': 1}.setdefault('b', 1) }}
{{ state_attr('sensor.a', 'list').append(1) }}
{{ states.sensor.a.attributes.update({'a': 1}) }}
{{ ''|xmlattr }}
{{ {'a b': 1}|xmlattr }}
{{ 'http://a'|urlize }}
{{ 'a'|pprint }}
{{ 'a'|forceescape }}
{{ [1]|random }}
{{ shuffle([1, 2]) }}
{{ lipsum(n=1000) }}
{{ cycler('a') }}
{{ pack('s', 'x') }}
{% include 'x' %}
{% import 'x' as x %}
{% from 'x' import y %}
{% extends 'x' %}
{% block a %}{{ self.a() }}{% endblock %}
{% autoescape true %}x{% endautoescape %}
{% do states.x() %}
{% debug %}
{{ states('sensor.a').__class__ }}
{{ states.sensor.a.state.__class__ }}
{{ 'a'|_weighed }}
{{ 'a'|_walked(1) }}
{{ ['a']|map('_joined')|list }}{{ ''.__class__ }}
{{ ''.join.__self__ }}
{{ ''.format.__globals__ }}
{{ (''.format)['__globals__'] }}
{{ iif.__closure__ }}
{{ ((1).__add__)(1) }}
{{ trigger.__class__ }}
{{ none.__class__ }}
{{ true.__class__ }}
{{ [].__class__.__base__ }}
{{ ().__class__ }}
{{ {}.__class__ }}
{{ timedelta.__class__ }}
{{ timedelta(1).__class__ }}
{{ timedelta.min }}
{{ set.__class__ }}
{{ set([1])._items }}
{{ set([1])._hash() }}
{{ set([1])._from_iterable([1]) }}
{{ zip.__self__ }}
{{ environment }}{{ environment.globals }}
{{ context }}{{ context.environment }}
{{ _context.environment }}
"""

ENDLESS = r"""
{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}
{% for a in range(100000) %}{% for b in range(100000) if false %}{% endfor %}{% endfor %}
{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{{ a }}{% endfor %}{% endfor %}{% endfor %}
{% for a in range(100000) %}{{ range(100000)|sum }}{% endfor %}
{% for a in range(100000) %}{{ range(100000)|list|length }}{% endfor %}
{% for a in range(100000) %}{{ range(100000)|map('string')|join|length }}{% endfor %}
{% for a in range(100000) %}{{ 99999 in range(100000)|list }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in range(100000) %}{{ xs == xs[:] }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ -1 in xs }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs.index(99999) }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs.count(5) }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|sort|first }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|select('odd')|list|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|map('float')|map('int')|map('string')|list|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ median(xs) }}{{ average(xs) }}{{ statistical_mode(xs) }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ max(xs) }}{{ min(xs) }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ set(xs)|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|batch(3)|list|length }}{{ xs|slice(3)|list|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|groupby(0)|list }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ (xs, xs, xs)|flatten|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ union(xs, xs)|length }}{{ difference(xs, xs)|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|unique|list|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs|to_json|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ dict(zip(xs, xs))|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs[::-1][::-1][0] }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ (xs|string)|length }}{% endfor %}
{% set xs = range(100000)|list %}{% for a in xs %}{{ xs ~ '' == '' }}{% endfor %}
{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}
{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}
{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% else %}aaaaaaaaaaaaaaaa{% endif %}{% endmacro %}{{ m(25) }}
{% macro m() %}{{ caller() }}{% endmacro %}{% for i in range(100000) %}{% call m() %}{% for j in range(1000) %}{% endfor %}{% endcall %}{% endfor %}
{% for x in range(100000) recursive %}{{ loop(range(100000)) }}{% endfor %}
{% for x in [[1]] recursive %}{{ loop([x, x]) }}{% endfor %}
{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = ns.x * 3 %}{% endfor %}{{ ns.x }}
{% set ns = namespace(x=3) %}{% for i in range(100) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}
{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}
{% set ns = namespace(x=(1,)) %}{% for i in range(100000) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}
{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}
{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = ns.x + [i] %}{% endfor %}
{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = combine(ns.x, {i: i}) %}{% endfor %}
{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x, [ns]] %}{% endfor %}{{ ns.x }}
{% for s in states %}{% for t in states %}{% for u in states %}{{ s.state ~ t.state ~ u.state }}{% endfor %}{% endfor %}{% endfor %}
{% for i in range(100000) %}{{ states|length }}{{ states|list|length }}{{ states|map(attribute='state')|list|length }}{% endfor %}
{% for i in range(100000) %}{{ expand(states)|length }}{% endfor %}
{% for i in range(100000) %}{{ states.sensor|selectattr('state', 'eq', 'x')|list|length }}{% endfor %}
{{ 9**(9**9) }}
{{ 10**100000000 }}
{{ 2**(2**30) }}
{{ (10**1000)**1000 }}
{{ 2.0**100000 }}
{{ 5|round(1000000000) }}
{{ 5|round(-1000000000) }}
{{ ('9' * 200000)|int }}
{{ ('9' * 200000)|float }}
{{ ('z' * 200000)|int(base=36) }}
{{ range(0, 230584300921369395100000, 2305843009213693951)|list|unique|list|length }}
{{ range(0, 230584300921369395100000, 2305843009213693951)|unique|list|length }}{{ set(range(0, 230584300921369395100000, 2305843009213693951)) }}
{{ dict(zip(range(0, 230584300921369395100000, 2305843009213693951), range(100000))) }}
{{ ([[1] * 1000] * 1000)|sum(start=[])|length }}
{{ ([[1, 2, 3]] * 50000)|sum(start=[])|length }}
"""

HUGE = r"""
{{ 'a' * 1000000000 }}
{{ 1000000000 * 'a' }}
{{ ('a' * 100000) * 100000 }}
{{ [1] * 1000000000 }}
{{ [[1] * 100000] * 100000 }}
{{ (1, 2) * 100000000 }}
{{ range(1000000000)|list }}
{{ range(1000000000)|sum }}
{{ range(1000000000)|length }}
{% for i in range(1000000000) %}{% endfor %}
{{ 'a'.center(1000000000) }}
{{ 'a'|center(1000000000) }}
{{ 'a'.ljust(1000000000) }}
{{ 'a'.rjust(1000000000) }}
{{ 'a'.zfill(1000000000) }}
{{ '\t'.expandtabs(1000000000) }}
{{ ('\t' * 100000).expandtabs(1000) }}
{{ 'a\nb'|indent(1000000000) }}
{{ ('a\n' * 100000)|indent(1000) }}
{{ ('a\n' * 100000)|indent('x' * 1000) }}
{{ '%1000000000d' % 1 }}
{{ '%01000000000d' % 1 }}
{{ '%-1000000000s' % 1 }}
{{ '%*d' % (1000000000, 1) }}
{{ '%.*f' % (1000000000, 1) }}
{{ '%.1000000000f' % 1 }}
{{ '%1000000000s'|format(1) }}
{{ '%(a)1000000000s'|format(a=1) }}
{{ ('%(a)s' * 10000) % {'a': 'x' * 100000} }}
{{ ('%s' * 3) % ('x' * 200000, 'x' * 200000, 'x' * 200000) }}
{{ '{:1000000000d}'.format(1) }}
{{ '{:>1000000000}'.format('a') }}
{{ '{:.1000000000f}'.format(1.0) }}
{{ '{:{w}}'.format(1, w=1000000000) }}
{{ '{0:{1}}'.format('a', '>1000000000') }}
{{ ('{0}' * 10000).format('x' * 100000) }}
{{ ('{a}' * 10000).format_map({'a': 'x' * 100000}) }}
{{ ('a' * 200000)|replace('a', 'b' * 200000) }}
{{ ('a' * 200000).replace('a', 'b' * 200000) }}
{{ ('a' * 200000)|replace('', 'b' * 100) }}
{{ ('a' * 200000)|regex_replace('a', 'b' * 1000) }}
{{ ('a' * 200000)|regex_replace('', 'b' * 1000) }}
{{ ('a' * 2000)|regex_replace('(.*)', '\\1' * 10000) }}
{{ (['a' * 1000] * 100000)|join }}
{{ ('b' * 1000).join(['a'] * 100000) }}
{{ ['a'] * 200000|int|join('b' * 1000) }}
{{ (['a'] * 200000)|join('b' * 1000) }}
{{ ('a' * 200000) ~ ('a' * 200000) }}
{{ ('a' * 200000) + ('a' * 200000) }}
{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}
{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}
{% set ns = namespace(s=['a']) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}
{% set ns = namespace(s=['a' * 1000]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}
{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = ns.s + ['x' * 200000 ~ i] %}{% endfor %}
{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = ns.s + [range(100000)|list] %}{% endfor %}
{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = ns.s + [('a,' * 100000).split(',')] %}{% endfor %}
{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = ns.s + [('é' * 200000) ~ i] %}{% endfor %}
{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}
{% set x %}{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endset %}{{ x|length }}
{% filter upper %}{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfilter %}
{% macro m() %}{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endmacro %}{{ m()|length }}
{{ [1]|batch(1000000000, 'x')|list }}
{{ [1]|slice(1000000000)|list }}
{{ (['a' * 100000] * 1000)|string }}
{{ (['a' * 100000] * 1000)|to_json }}
{{ [['a' * 100000] * 1000] }}
{{ ('[' * 100000)|from_json }}
{{ ('[1,' * 50000)|from_json }}
{{ ('a ' * 100000)|wordwrap(1) }}
{{ ('a ' * 100000)|title }}
{{ range(100000)|map('string')|sort|list }}
{{ range(100000)|map('string')|groupby(0)|list }}
{{ ('a' * 20000)|wordwrap(1) }}{{ ('a ' * 100000)|wordwrap(1) }}{{ ('a ' * 100000)|wordwrap(1)|wordwrap(1)|wordwrap(1)|wordwrap(1) }}
{{ ('<a>' * 60000)|striptags }}
{{ ('<' * 200000)|striptags|striptags|striptags|striptags }}{{ ('<a>' * 60000)|e|e|e|e|e }}
{{ now().strftime('%Y' * 10000) }}
{{ now().strftime('%100000d' * 1000) }}
{{ 0|timestamp_custom('%A' * 100000) }}
{{ strptime('1' * 100000, '%d') }}
{{ timedelta(days=999999999) * 1000 }}
{{ now() + timedelta(days=99999999) }}
{{ '{:%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y}'.format(now()) }}
{{ [1, 2, 3]|to_json(pretty_print=true) * 100000 }}
{{ 'a'|truncate(9)|center(99999) }}
{{ flatten([[[[[[[[[[1] * 10] * 10] * 10] * 10] * 10] * 10] * 10] * 10] * 10])|length }}
"""

PATTERNS = r"""
{{ ('a' * 40)|regex_match('(a+)+b') }}
{{ ('a' * 40)|regex_match('(a*)*b') }}
{{ ('a' * 40)|regex_match('(a|a)*b') }}
{{ ('a' * 40)|regex_match('(a|aa)+b') }}
{{ ('a' * 40)|regex_match('([a-z]+)*=') }}
{{ ('a' * 40)|regex_match('(.*a){20}') }}
{{ ('a' * 40)|regex_match('(a?){40}a{40}b') }}
{{ ('a' * 40)|regex_match('a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab') }}
{{ ('a' * 40)|regex_match('((a{1,3}){1,3}){1,30}b') }}
{{ ('a' * 100)|regex_search('(\\w+\\s*)+:') }}
{{ ('a' * 100)|regex_search('(x+x+)+y|(a+a+)+y') }}
{{ ('a' * 100)|regex_search('^(([a-z])+.)+[A-Z]([a-z])+$') }}
{{ ('a' * 100)|regex_search('(?:(?:a+)?)+c') }}
{{ ('a' * 100)|regex_search('(?=(a+)+b)c') }}
{{ ('a' * 100)|regex_search('(?!(a+)+b)c') }}
{{ ('a' * 100)|regex_search('(?<=a)(a+)+b') }}
{{ ('a' * 100)|regex_search('(a+)(?:\\1)+b|(a+)+c') }}
{{ ('a' * 5000)|regex_search('a*a*a*a*b') }}
{{ ('a' * 200000)|regex_search('a*b') }}
{{ ('a' * 200000)|regex_match('.*.*.*x') }}
{{ ('a' * 2000)|regex_search('.*?.*?.*?x') }}
{{ ('ab' * 2000)|regex_search('[ab]*[ab]*[ab]*c') }}
{{ ('a' * 200000)|regex_findall('a*?b') }}
{{ ('a' * 200000)|regex_replace('a+b', '') }}
{{ ('a' * 200000)|regex_findall_index('(a*)(a*)b') }}
{{ 'a'|regex_match('a' * 100000) }}
{{ 'a'|regex_match('(' * 200 ~ ')' * 200 ~ '(a+)+b{') }}{{ ('a' * 50)|regex_match('(a+)+b') }}
{{ 'a'|regex_match('(?:){999999999}' * 30) }}{{ 'a'|regex_match('((){1000}){1000}b' * 20) }}
{{ ''|regex_match('(?:(?:(?:){65535}){65535}){65535}b') }}
{{ ['a' * 60]|select('match', '(a+)+b')|list }}
{{ ['a' * 60]|map('regex_replace', '(a+)+b', '')|list }}
{{ ['a' * 60] is search('(a+)+b') }}
{% for i in range(100000) %}{{ ('a' * 1000)|regex_search('a*b') }}{% endfor %}
{% for i in range(100000) %}{{ 'a'|regex_match('a' ~ i) }}{% endfor %}
{% for i in range(100000) %}{{ ('ab' * 20000)|regex_findall('a')|length }}{% endfor %}
{{ ('a' * 60)|regex_match('(?i)(A|a)*(a+)+$b') }}
{{ ('a' * 60)|regex_match('(a(?:b|c|d)?)+(a+)+x') }}
{{ ('a' * 3000)|regex_search('(a{0,500}){0,500}b') }}
"""

SYNTAX = "\n".join(
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ " + "not " * 3000 + "1 }}",
        "{{ 1" + "+1" * 8000 + " }}",
        "{{ a" + ".b" * 8000 + " }}",
        "{{ 'a'" + "|upper" * 3000 + " }}",
        "{% if a %}" * 300 + "{% endif %}" * 300,
        "{% for a in b %}" * 100 + "{% endfor %}" * 100,
        "{{ " + "1 if 1 else " * 2000 + "1 }}",
        "{{ " + "9" * 20000 + " }}",
        "{{ 1 }}" * 20000,
        "{{ x }}" * 4600,
        "{% for a in b %}{% if a %}" * 50 + "{% endif %}{% endfor %}" * 50,
        "{{ 'a" + "a" * 40000 + "' }}",
        "{{ 0x" + "f" * 30000 + " ** 5 }}",
        "{% macro m(" + ",".join(f"a{i}" for i in range(3000)) + ") %}{% endmacro %}{{ m._func }}",
    ]
)


def _lines(block: str) -> list[str]:
    return [line for line in block.split("\n") if line]


CORPUS: dict[str, list[str]] = {
    "escape": _lines(ESCAPES),
    "endless": _lines(ENDLESS),
    "huge": _lines(HUGE),
    "pattern": _lines(PATTERNS),
    "syntax": _lines(SYNTAX),
}
