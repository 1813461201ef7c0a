"""Templates whose results are compared with Home Assistant's, and the states that they are rendered over."""

from __future__ import annotations

TIME_ZONE = "Asia/Shanghai"
NOW = "2026-11-21T09:30:15.250000+00:00"

# entity id -> (state, attributes, when it last changed)
STATES: dict[str, tuple[str, dict[str, object], str]] = {
    "sensor.energy": (
        "12.50",
        {"unit_of_measurement": "kWh", "friendly_name": "Shop 3 energy", "device_class": "energy"},
        "2026-11-21T09:00:00+00:00",
    ),
    "sensor.power": ("850", {"unit_of_measurement": "W", "limit": 1000, "phases": [210, 320, 320]}, "2026-11-21T09:30:00+00:00"),
    "sensor.balance": ("100.00", {"unit_of_measurement": "CNY"}, "2026-11-20T09:30:15+00:00"),
    "sensor.offline": ("unavailable", {}, "2026-11-21T09:30:00+00:00"),
    "sensor.new": ("unknown", {}, "2026-11-21T09:30:00+00:00"),
    "binary_sensor.door": ("on", {"friendly_name": "Door", "codes": {"a": 1, "b": 2}}, "2026-11-21T08:30:00+00:00"),
    "binary_sensor.leak": ("off", {}, "2026-11-21T08:30:00+00:00"),
    "input_number.threshold": ("50.0", {"min": 0, "max": 500.5, "mode": "box"}, "2026-11-21T08:30:00+00:00"),
    "group.doors": ("on", {"entity_id": ["binary_sensor.door", "binary_sensor.leak"]}, "2026-11-21T08:30:00+00:00"),
}

VARIABLES: dict[str, object] = {
    "n": 7,
    "price": 0.62,
    "text": "Hello, World",
    "zh": "商铺三号",
    "empty": "",
    "none": None,
    "yes": True,
    "items": [3, 1, 2, 2],
    "words": ["on", "off", "on"],
    "nested": [[1, 2], [3, [4, 5]], 6],
    "rows": [{"name": "a", "kwh": 2.5, "on": True}, {"name": "b", "kwh": 1, "on": False}, {"name": "c", "kwh": 4, "on": True}],
    "mapping": {"a": 1, "b": {"c": [1, 2]}, "d e": "x"},
    "response": {"sensor.a": {"events": [{"v": 1}, {"v": 2}]}, "sensor.b": {"events": [{"v": 3}]}},
    "trigger": {"id": "low", "platform": "numeric_state", "below": 100, "entity_id": "sensor.balance"},
}

EXPRESSIONS = r"""
# states
{{ states('sensor.energy') }}
{{ states('sensor.none') }}
{{ states('nonsense') }}
{{ states('sensor.offline') }}
{{ states('sensor.new') }}
{{ states('sensor.energy', with_unit=True) }}
{{ states('sensor.balance', rounded=False, with_unit=True) }}
{{ states('binary_sensor.door', with_unit=True) }}
{{ 'sensor.power' | states }}
{{ ['sensor.power', 'sensor.energy'] | map('states') | list }}
{{ states.sensor.energy.state }}
{{ states.sensor['energy'].state }}
{{ states['sensor']['energy'].state }}
{{ states['sensor.energy'].state }}
{{ states.sensor.energy.name }}
{{ states.sensor.power.name }}
{{ states.sensor.energy.domain }} {{ states.sensor.energy.object_id }} {{ states.sensor.energy.entity_id }}
{{ states.sensor.energy.attributes.unit_of_measurement }}
{{ states.sensor.energy.attributes['device_class'] }}
{{ states.sensor.energy.attributes.missing }}
{{ states.sensor.energy.attributes.missing is defined }}
{{ states.sensor.energy.attributes.get('missing', 'x') }}
{{ states.sensor.energy.state_with_unit }}
{{ states.sensor.none }}
{{ states.sensor.none is none }}
{{ states.sensor.none.state }}
{{ states.sensor.none.attributes.x }}
{{ states.sensor.energy.last_changed }}
{{ states.sensor.energy.last_changed.isoformat() }}
{{ (now() - states.sensor.energy.last_changed).total_seconds() }}
{{ states.sensor | map(attribute='entity_id') | list }}
{{ states.sensor | list | count }}
{{ states.sensor | length }}
{{ states | length }}
{{ states.nothing | length }}
{{ states.sensor | selectattr('state', 'is_number') | map(attribute='state') | map('float') | sum }}
{{ states.sensor | selectattr('state', 'in', ['unknown', 'unavailable']) | map(attribute='entity_id') | join(', ') }}
{{ states | selectattr('domain', 'eq', 'binary_sensor') | map(attribute='object_id') | list }}
{{ states.binary_sensor | selectattr('state', 'eq', 'on') | list | count }}
{{ states | selectattr('attributes.friendly_name', 'defined') | map(attribute='name') | list }}
{{ states.binary_sensor | rejectattr('state', 'eq', 'on') | map(attribute='name') | list }}
{{ states.sensor | sort(attribute='state') | map(attribute='object_id') | list }}
{{ states | groupby('domain') | map(attribute='0') | list }}
{% for s in states.binary_sensor %}{{ s.name }}:{{ s.state }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for s in states.sensor if s.state | is_number %}{{ loop.index }}/{{ loop.length }} {{ s.object_id }};{% endfor %}
{{ states.Sensor }}
{{ states('sensor.energy') | float + states('sensor.power') | float }}
{{ states('sensor.energy') + states('sensor.power') }}
{{ is_state('binary_sensor.door', 'on') }}
{{ is_state('binary_sensor.door', ['on', 'open']) }}
{{ is_state('binary_sensor.door', 'off') }}
{{ is_state('sensor.none', 'unknown') }}
{{ is_state('sensor.power', 850) }}
{{ 'binary_sensor.door' is is_state('on') }}
{{ ['binary_sensor.door', 'binary_sensor.leak'] | select('is_state', 'on') | list }}
{{ state_attr('sensor.power', 'limit') }}
{{ state_attr('sensor.power', 'phases') }}
{{ state_attr('sensor.power', 'phases')[1] }}
{{ state_attr('sensor.power', 'none') }}
{{ state_attr('sensor.none', 'limit') }}
{{ 'sensor.power' | state_attr('limit') }}
{{ state_attr('sensor.power', 'phases') | sum / 3 }}
{{ state_attr('binary_sensor.door', 'codes').b }}
{{ state_attr('binary_sensor.door', 'codes').items() | list }}
{{ state_attr('input_number.threshold', 'max') - 0.5 }}
{{ is_state_attr('sensor.power', 'limit', 1000) }}
{{ is_state_attr('sensor.power', 'limit', '1000') }}
{{ is_state_attr('sensor.power', 'none', none) }}
{{ 'sensor.power' is is_state_attr('limit', 1000) }}
{{ has_value('sensor.energy') }} {{ has_value('sensor.offline') }} {{ has_value('sensor.new') }} {{ has_value('sensor.none') }}
{{ 'sensor.offline' is has_value }}
{{ ['sensor.energy', 'sensor.offline'] | select('has_value') | list }}
{{ ['sensor.energy', 'sensor.offline'] | reject('has_value') | list }}
{{ expand('group.doors') | map(attribute='entity_id') | list }}
{{ expand('sensor.energy', 'sensor.power') | map(attribute='entity_id') | list }}
{{ expand(['sensor.energy', 'sensor.none']) | map(attribute='state') | list }}
{{ expand(states.binary_sensor) | map(attribute='object_id') | list }}
{{ expand('group.doors', 'binary_sensor.door') | list | count }}
{{ 'group.doors' | expand | selectattr('state', 'eq', 'on') | map(attribute='name') | join }}
{{ states.sensor.energy == states.sensor.energy }}
{{ states.group.doors.attributes.entity_id | length }}
{{ states('sensor.power') | int > state_attr('sensor.power', 'limit') | int }}
{{ states(trigger.entity_id) | float < trigger.below }}
{{ states(trigger.entity_id) | float(0) <= trigger.below }}
{{ trigger.id }} {{ trigger['platform'] }} {{ trigger.nothing }}
{{ trigger.to_state.state }}
# numbers
{{ 1 }}
{{ 1.50 }}
{{ 007 }}
{{ 1 + 2 * 3 }}
{{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }} {{ -7 // 2 }} {{ -7 % 3 }}
{{ 4 / 2 }}
{{ 0.1 + 0.2 }}
{{ 1e3 }} {{ 1e22 }} {{ 1.5e-7 }}
{{ 1_000 }}
{{ 10 / 0 }}
{{ 2 ** 0.5 }} {{ 2 ** -1 }}
{{ 3 * 'ab' }}
{{ [1] * 3 }}
{{ 'a' + 'b' }}
{{ 'a' + 1 }}
{{ '5' * 2 }}
{{ '12.5' | float }}
{{ 'x' | float }}
{{ 'x' | float(0) }} {{ 'x' | float(none) }} {{ 'x' | float('y') }} {{ none | float(3) }}
{{ float('7') }} {{ float('x', 1) }} {{ float(none, default=2) }}
{{ '42.9' | int }} {{ '42' | int }} {{ 42.9 | int }} {{ true | int }} {{ '-3.9' | int }}
{{ 'x' | int }}
{{ 'x' | int(5) }} {{ 'x' | int(default=6) }} {{ '0x1f' | int(base=16) }} {{ 'ff' | int(0, 16) }} {{ '101' | int(base=2) }}
{{ int('9') }} {{ int('x', 1) }}
{{ ' 5 ' | int }} {{ '1_000' | int }} {{ '5e2' | int }} {{ 'inf' | float }}
{{ none | int }}
{{ 'on' | bool }} {{ 'Off' | bool }} {{ 1 | bool }} {{ 0.0 | bool }} {{ 'maybe' | bool(false) }} {{ bool('yes') }}
{{ 'maybe' | bool }}
{{ is_number('5') }} {{ is_number('5.5') }} {{ is_number('x') }} {{ is_number('nan') }} {{ is_number('inf') }} {{ is_number(true) }} {{ is_number(none) }} {{ is_number('') }}
{{ '5' is is_number }} {{ 5 is number }} {{ '5' is number }} {{ '5' | is_number }}
{{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round }} {{ 2.567 | round(1, 'floor') }} {{ 2.511 | round(1, 'ceil') }} {{ 2.3 | round(0, 'half') }} {{ 2.3 | round(1, 'half') }}
{{ 1234.5 | round(-2) }} {{ '3.14159' | round(3) }} {{ 'x' | round(1, default=0) }} {{ 2 | round(2) }} {{ 2.0 | round(0) }}
{{ 'x' | round }}
{{ 5 | multiply(2) }} {{ '5' | multiply(0.5) }} {{ 'x' | multiply(2, 9) }} {{ 'x' | multiply(2, default=8) }}
{{ 5 | add(2) }} {{ '5' | add(0.5) }} {{ 'x' | add(2, 9) }}
{{ 'x' | add(1) }}
{{ log(100, 10) }} {{ 8 | log(2) }} {{ log(1) }} {{ log('x', 10, 5) }} {{ log(0, 10, 'no') }} {{ log(5, 'x', 1) }}
{{ log(0) }}
{{ sin(0) }} {{ cos(0) }} {{ tan(0) }} {{ asin(1) }} {{ acos(1) }} {{ atan(1) }} {{ sqrt(16) }} {{ 16 | sqrt }} {{ sqrt(-1, 'no') }} {{ sin('x', 0) }}
{{ sqrt(-1) }}
{{ atan2(1, 1) }} {{ atan2([1, 1]) }} {{ [1, 2] | atan2 }} {{ atan2('x', 1, 7) }} {{ (1, 'x') | atan2(default=3) }}
{{ pi | round(5) }} {{ e | round(5) }} {{ tau | round(5) }}
{{ -5 | abs }} {{ (-5) | abs }} {{ (-2.5) | abs }}
{{ max(1, 5, 3) }} {{ min(1, 5, 3) }} {{ [1, 5] | max }} {{ max([4, 9]) }} {{ min('b', 'a') }} {{ ['b', 'C'] | min }} {{ rows | max(attribute='kwh') }}
{{ max([]) }}|{{ [] | min }}
{{ max() }}
{{ max(5) }}
{{ average(1, 2, 3) }} {{ average([1, 2, 4]) }} {{ [1, 2] | average }} {{ average([], 0) }} {{ average(['x'], default=5) }} {{ average(items) }}
{{ average([]) }}
{{ average(5) }}
{{ median(1, 9, 3) }} {{ median([4, 1, 2, 3]) }} {{ [1, 2] | median }} {{ median([], 'no') }} {{ median(['a', 'c', 'b']) }}
{{ statistical_mode(1, 2, 2) }} {{ statistical_mode(['a', 'b', 'b']) }} {{ items | statistical_mode }} {{ statistical_mode([], 'none') }} {{ statistical_mode('aab') }}
{{ 5 | bitwise_and(3) }} {{ 5 | bitwise_or(2) }} {{ 5 | bitwise_xor(1) }}
{{ 5.5 | bitwise_and(3) }}
{{ 1 | ordinal }} {{ 2 | ordinal }} {{ 3 | ordinal }} {{ 4 | ordinal }} {{ 11 | ordinal }} {{ 12 | ordinal }} {{ 13 | ordinal }} {{ 21 | ordinal }} {{ 111 | ordinal }} {{ 112 | ordinal }} {{ 122 | ordinal }}
{{ 1 < 2 <= 2 }} {{ 1 == 1.0 }} {{ '1' == 1 }} {{ true == 1 }} {{ none == false }} {{ 'a' < 'b' }}
{{ 'a' < 1 }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 3 is integer }} {{ 3.0 is float }} {{ 3 is boolean }} {{ true is true }} {{ 0 is false }}
{{ 1000000 | filesizeformat }} {{ '%.2f' | format(3.14159) }} {{ '%05d|%-5s|%x' | format(42, 'ab', 255) }} {{ '%s %s' % ('a', 1) }} {{ '%d%%' % 5 }}
{{ '{:.1f} {:>5} {:05.1f} {:,}'.format(3.14159, 'x', 2.5, 1234567) }} {{ '{0}-{1}-{0}'.format('a', 'b') }} {{ '{a}'.format(a=5) }}
{{ '{:%H:%M}'.format(now()) }}
{{ price * n }} {{ (price * n) | round(2) }} {{ '%.2f' % (price * n) }}
{{ n > 5 and n < 10 }} {{ n > 5 or undefined_name }} {{ not n }} {{ n and none }}
{{ 10 ** 20 }} {{ 2 ** 64 }}
{{ 1 if n else 2 }} {{ 1 if not n }}
{{ 5 is in [1, 5] }} {{ 5 in [1, 5] }} {{ 5 not in [1, 5] }} {{ 'a' in 'abc' }} {{ 'a' in mapping }}
{{ (1.0).is_integer() }} {{ 3.0 | int | string }} {{ 255 .bit_length() }}
# results
5
5.0
 spaced {{ 1 }} text 
{{ '05' }}
{{ '5.' }}
{{ '.5' }}
{{ '+5' }}
{{ '-5' }}
{{ '-' }}
{{ '1e5' }}
{{ '0x10' }}
{{ '0b1' }}
{{ '1_0' }}
{{ '00' }}
{{ '-0' }}
{{ '0.10' }}
{{ 'true' }}
{{ 'True' }}
{{ true }}
{{ none }}
{{ 'None' }}
{{ '' }}
{{ '[1, 2' }}
{{ '[1, 2]' }}
{{ [1, 'a', none, true, 2.5] }}
{{ (1, 2) }}
{{ '1, 2' }}
{{ (1,) }}
{{ {'a': 1, 'b': [2]} }}
{{ '{1, 2}' }}
{{ "'quoted'" }}
{{ "'a', 'b'" }}
{{ '1+2j' }}
{{ '1 + 2' }}
{{ '# comment' }}
{{ '[1] # comment' }}
{{ '5 # five' }}
{{ '...' }}
{{ 'set()' }}
{{ 'inf' }}
{{ 'nan' }}
{{ '١٢' }}
{{ '2026-11-21' }}
{{ '12:30' }}
{{ '1,5' }}
{{ '{"a": 1}' }}
{{ '{"a": true}' }}
{{ "b'x'" }}
{{ 'a' ~ 1 ~ none ~ 2.0 }}
{{ 1 }}{{ 2 }}
{{ 1 }} {{ 2 }}
{# only a comment #}
{% set x = 5 %}{{ x }}
{% set x = 5 %}
{{ '5\n' }}
on
{{ 'on' }}
{{ [] }}
{{ {} }}
{{ [[1], {'a': (1, 2)}] }}
{{ 1.0 }}
{{ 100.00 }}
{{ '100.00' }}
{{ 1 / 3 }}
{{ '--5' }}
{{ '- 5' }}
{{ '5 ' }}
# text
{{ text | upper }} {{ text | lower }} {{ text | title }} {{ text | capitalize }} {{ 'a-b c' | title }}
{{ text | replace('World', 'Hub') }} {{ 'aaa' | replace('a', 'b', 2) }} {{ text.replace('l', 'L') }} {{ 5 | replace('5', '6') }}
{{ text | length }} {{ text | count }} {{ zh | length }} {{ text[0] }} {{ text[-5:] }} {{ text[::2] }} {{ text[99] }}
{{ text | reverse }} {{ text | first }} {{ text | last }} {{ text | list | length }}
{{ text | truncate(8) }} {{ text | truncate(9, true, '') }} {{ text | wordcount }} {{ 'a b c d' | wordwrap(3) }}
{{ text | center(20) }}| {{ 'a\nb' | indent(2) }} {{ 'a\n\nb' | indent(2, true, true) }} {{ 'x\ny' | indent('> ') }}
{{ '  a ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ 5 | trim }}
{{ text.split(', ') }} {{ 'a b  c'.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a.b.c'.rsplit('.', 1)[1] }} {{ 'a\nb'.splitlines() }}
{{ text.startswith('Hello') }} {{ text.endswith(('d', 'x')) }} {{ text.find('o') }} {{ text.count('l') }} {{ text.index('W') }}
{{ text.index('z') }}
{{ 'ab'.upper() }} {{ 'AB'.lower() }} {{ 'ab'.capitalize() }} {{ 'aB'.swapcase() }} {{ ' x '.strip() }} {{ 'x1'.isalnum() }} {{ '12'.isdigit() }} {{ 'a'.zfill(3) }} {{ 'a'.ljust(3, '.') }} {{ 'a'.rjust(3) }}
{{ 'prefix_x'.removeprefix('prefix_') }} {{ 'a=b'.partition('=') }} {{ ','.join(['a', 'b']) }}
{{ ','.join([1, 2]) }}
{{ ['a', 1, none] | join('-') }} {{ rows | join(', ', attribute='name') }} {{ [] | join }} {{ 'abc' | join('.') }}
{{ 'sensor.energy'.split('.')[0] }}
{{ 'Shop No. 3 / east' | slugify }} {{ slugify('Ünïcode & more') }} {{ 'a b' | slugify('-') }} {{ '' | slugify }} {{ "it's 1,000" | slugify }} {{ 'straße' | slugify }} {{ '!!' | slugify }} {{ 'A__b  c' | slugify }} {{ 'tést øre' | slugify }}
{{ 'abc' | regex_match('ab') }} {{ 'abc' | regex_match('bc') }} {{ 'ABC' | regex_match('abc', true) }} {{ 'ABC' | regex_match('abc') }} {{ 5 | regex_match('5') }}
{{ 'abc' | regex_search('bc') }} {{ 'abc' | regex_search('^b') }} {{ 'sensor.shop_12' | regex_search('_\\d+$') }} {{ 'A' | regex_search('a', ignorecase=true) }}
{{ 'shop_12' | regex_replace('\\d+', 'N') }} {{ 'ab' | regex_replace('(a)(b)', '\\2\\1') }} {{ 'aXb' | regex_replace('x', '-', true) }} {{ 'abc' | regex_replace('', '.') }} {{ 'aaa' | regex_replace('a*', 'b') }} {{ 'a.b' | regex_replace('\\.', '') }}
{{ 'a1b22' | regex_findall('\\d+') }} {{ 'a1b2' | regex_findall('([a-z])(\\d)') }} {{ 'none' | regex_findall('\\d') }} {{ 'V: 230.5 A: -1.2' | regex_findall('-?\\d+(?:\\.\\d+)?') }}
{{ 'a1b22' | regex_findall_index('\\d+', 1) }} {{ 'a1b22' | regex_findall_index('\\d+') }} {{ 'a=5;b=6' | regex_findall_index('b=(\\d+)') }}
{{ 'abc' | regex_findall_index('\\d+') }}
{{ 'abc' | regex_match('(') }}
{{ 'shop_12' | regex_findall('\d+') }} {{ 'a.b' | regex_replace('\.', '-') }} {{ 'a\'b' }}
{{ 'abc' is match('a') }} {{ 'abc' is search('c') }} {{ ['a1', 'b2'] | select('match', 'a') | list }} {{ ['a1', 'b2'] | select('search', '2$') | list }}
{{ 'abc' | md5 }} {{ md5('abc') }} {{ 'abc' | sha1 }}
{{ 'abc' | sha256 }}
{{ sha512('abc') }}
{{ 'héllo' | base64_encode }} {{ 'aGk=' | base64_decode }} {{ 'aGk=' | base64_decode(none) }} {{ 'aGk=' | base64_decode('ascii') }}
{{ '!!!' | base64_decode }}
{{ 'A' | ord }} {{ 'a b&c' | urlencode }} {{ {'a': 1, 'b': 'x y'} | urlencode }} {{ '<a & b>' | escape }} {{ '<a>' | e }} {{ '<b>x</b>' | striptags }} {{ 'x' | safe }}
{{ mapping | to_json }} {{ [1, 2.50, none, true, 'é', 'a"b'] | to_json }} {{ {'b': 1, 'a': 2} | to_json(sort_keys=true) }} {{ {1: 2} | to_json }}
{{ mapping | to_json(pretty_print=true) }}
{{ 'é' | to_json(ensure_ascii=true) }} {{ [1, {'a': 2}] | to_json(ensure_ascii=true) }} {{ (1, 2) | to_json }} {{ 'é' | to_json }}
{{ now() | to_json }}
{{ '{"a": [1, 2.5, null, true]}' | from_json }} {{ ('{"a": {"b": 5}}' | from_json).a.b }} {{ '5' | from_json }} {{ '"x"' | from_json }}
{{ 'x' | from_json }}
{{ 'NaN' | from_json }}
{{ '' | from_json }}
{{ text is string }} {{ text is string_like }} {{ 5 is string }} {{ 'a' is lower }} {{ 'A' is upper }}
{{ 'abc' | contains('b') }} {{ [1, 2] | contains(2) }} {{ [1, 2] is contains(3) }} {{ ['ab', 'cd'] | select('contains', 'b') | list }}
{{ text | string | length }} {{ 5 | string ~ 'x' }} {{ 'a' 'b' }}
{{ zh }} {{ zh[0:2] }} {{ '商铺' ~ 3 }}
{{ 'it''s' }}
{{ "tab\there" }} {{ 'nl\\n' }}
{{ yes | iif }} {{ iif(n > 5, 'big', 'small') }} {{ none | iif('a', 'b', 'c') }} {{ none | iif('a', 'b') }} {{ false | iif('on', 'off') }} {{ iif(0) }}
{{ typeof(5) }} {{ typeof('x') }} {{ 2.5 | typeof }} {{ typeof([]) }} {{ typeof({}) }} {{ typeof(none) }} {{ typeof(true) }} {{ typeof((1,)) }} {{ typeof(now()) }}
{{ undefined_name }}|{{ undefined_name is defined }}|{{ undefined_name | default('d') }}|{{ empty | default('d') }}|{{ empty | default('d', true) }}|{{ none | d('x') }}
{{ undefined_name.attribute }}
{{ undefined_name + 1 }}
{{ undefined_name | is_defined }}
{{ text | is_defined }}
{{ undefined_name | length }} {{ undefined_name | list }} {{ undefined_name | join(',') }}
{{ mapping.missing | default('x') }} {{ mapping['d e'] }} {{ mapping.b.c[1] }} {{ mapping.get('z') }} {{ mapping.get('z', 0) }} {{ mapping.a }}
{{ mapping.missing.deeper }}
{{ text() }}
{{ undefined_function() }}
# lists and mappings
{{ items | sort }} {{ items | sort(reverse=true) }} {{ items | unique | list }} {{ items | reverse | list }} {{ items | first }} {{ items | last }} {{ items | length }} {{ items | sum }} {{ items | min }} {{ items | max }}
{{ items[1:] }} {{ items[-1] }} {{ items[10] }} {{ items[::-1] }} {{ items + [9] }} {{ items.index(2) }} {{ items.count(2) }}
{{ items.append(4) }}
{{ mapping.update({'z': 1}) }}
{{ items | map('multiply', 2) | list }} {{ items | map('string') | join('+') }} {{ items | select('gt', 1) | list }} {{ items | reject('odd') | list }} {{ items | select('odd') | list }}
{{ rows | map(attribute='name') | list }} {{ rows | selectattr('on') | map(attribute='kwh') | sum }} {{ rows | rejectattr('on') | list | length }} {{ rows | sum(attribute='kwh') }} {{ rows | sort(attribute='kwh') | map(attribute='name') | join }}
{{ rows | selectattr('kwh', 'gt', 2) | map(attribute='name') | list }} {{ rows | groupby('on') | list | length }} {{ rows | map(attribute='missing', default=0) | list }} {{ rows | map(attribute='kwh') | map('float') | list }}
{% for on, group in rows | groupby('on') %}{{ on }}={{ group | map(attribute='name') | join(',') }};{% endfor %}
{{ items | batch(3) | list }} {{ items | batch(3, 0) | list }} {{ items | slice(2) | list }}
{{ nested | flatten }} {{ nested | flatten(1) }} {{ nested | flatten(levels=0) }} {{ flatten([]) }}
{{ 'abc' | flatten }}
{{ [1, 2, 3] | intersect([2, 3, 4]) | sort }} {{ [1, 2] | union([2, 3]) | sort }} {{ [1, 2, 3] | difference([2]) | sort }} {{ symmetric_difference([1, 2], [2, 3]) | sort }} {{ union([1], [1]) }}
{{ 'ab' | union(['a']) }}
{{ set([1, 1, 2]) | list }} {{ set([1]) }} {{ set('aa') | length }} {{ set([1, 2]) | list | sum }} {{ tuple([1, 2]) }} {{ set([2]) is set }} {{ [1] is list }} {{ (1,) is tuple }} {{ (1 in set([1])) }}
{{ zip([1, 2], ['a', 'b']) | list }} {{ dict(zip(['a', 'b'], [1, 2])) }} {{ zip([1], [2], [3]) | list }}
{% for a, b in zip(items, words) %}{{ a }}{{ b }} {% endfor %}
{{ dict(a=1, b=2) }} {{ dict(mapping, z=9).z }} {{ dict([('x', 1)]) }} {{ mapping | items | list | length }} {{ mapping.keys() | list }} {{ mapping | dictsort | first }} {{ mapping | list }} {{ mapping.values() | list | length }} {{ mapping | length }}
{{ combine({'a': 1}, {'b': 2}) }} {{ {'a': {'x': 1}} | combine({'a': {'y': 2}}) }} {{ {'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=True) }} {{ combine({'a': 1}, {'a': 2}, {'c': 3}) }}
{{ combine(1) }}
{{ merge_response(response) }}
{{ merge_response({}) }} {{ merge_response({'a': {'x': 1}, 'b': {'x': 2}}) }} {{ merge_response({'a': {'x': [1], 'y': [2]}}) }}
{{ merge_response(5) }}
{% for k, v in mapping.items() %}{{ k }}={{ v }};{% endfor %}
{% set ns = namespace(total=0) %}{% for i in items %}{% set ns.total = ns.total + i %}{% endfor %}{{ ns.total }}
{% set ns = namespace(found=[]) %}{% for r in rows if r.on %}{% set ns.found = ns.found + [r.name] %}{% endfor %}{{ ns.found }}
{% set x = 1 %}{% for i in items %}{% set x = x + i %}{% endfor %}{{ x }}
{{ range(5) | list }} {{ range(2, 8, 3) | list }} {{ range(3) | sum }} {{ range(5)[2] }}
{% for i in range(3) %}{{ i }}{% if i == 1 %}{% break %}{% endif %}{% endfor %}
{% for i in range(4) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %}
{% for i in 5 %}x{% endfor %}
{% for w in words %}{{ loop.index0 }}{{ w }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for w in words %}{{ loop.changed(w) }}{{ loop.previtem | default('-') }}{{ loop.nextitem | default('-') }} {% endfor %}
{% for x in nested recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}{% endif %}{% endfor %}
{% if n > 5 %}big{% elif n > 3 %}middle{% else %}small{% endif %}
{% if undefined_name %}a{% else %}b{% endif %}
{% macro price_text(v, unit='CNY') %}{{ '%.2f' % v }} {{ unit }}{% endmacro %}{{ price_text(5) }} {{ price_text(2.5, 'USD') }}
{% macro outer() %}<{{ caller() }}>{% endmacro %}{% call outer() %}x{% endcall %}
{% filter upper %}abc{% endfilter %}
{% set block %}text {{ n }}{% endset %}{{ block | upper }}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}
{% raw %}{{ not rendered }}{% endraw %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{%- set a = 1 -%}   {{- a -}}   x
{{ [1, 2, 3] | random in [1, 2, 3] }}
{{ items is iterable }} {{ items is sequence }} {{ mapping is mapping }} {{ text is iterable }} {{ none is none }} {{ n is defined }} {{ n is sameas n }} {{ items is list }} {{ 5 is list }}
{{ [1, [2, 3]][1][0] }} {{ {'a': [1, {'b': 2}]}.a[1].b }} {{ 'abc'[1] }} {{ 'x' in ['x'] and 'y' not in ['x'] }}
{{ [3, 'a'] | sort }}
{{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true) }} {{ ['a', 'A'] | unique | list }}
{{ [[2, 'a'], [1, 'b']] | sort }} {{ [1, 2] == [1, 2] }} {{ (1, 2) < (1, 3) }} {{ {'a': 1} == {'a': 1} }}
{{ items | list is sameas items }} {{ [none, 1] | select | list }} {{ [0, 1, ''] | reject | list }}
{{ words | select('eq', 'on') | list | count }} {{ words | map('upper') | unique | list }} {{ words | map('bool') | list }} {{ ['5', 'x'] | map('float', 0) | sum }} {{ ['1', '2'] | map('int') | max }}
{{ namespace(a=1).a }} {{ items | attr('x') is defined }} {{ dict(a=1) | attr('a') is defined }}
# times
{{ now() }}
{{ utcnow() }}
{{ now().isoformat() }} {{ now().hour }} {{ now().strftime('%Y-%m-%d %H:%M') }} {{ now().weekday() }} {{ now().isoweekday() }} {{ now().date() }} {{ now().timetuple().tm_yday }} {{ now().isocalendar().week }} {{ now().isocalendar()[1] }}
{{ now().timestamp() }} {{ now().year }} {{ now().month }} {{ now().day }} {{ now().minute }} {{ now().second }} {{ now().microsecond }}
{{ now() - timedelta(hours=1) }} {{ (now() + timedelta(days=1, minutes=30)).isoformat() }} {{ timedelta(seconds=90) }} {{ timedelta(days=1).total_seconds() }} {{ timedelta(1) }}
{{ (now() - utcnow()).total_seconds() }} {{ now() > utcnow() - timedelta(minutes=1) }} {{ now() == utcnow() }}
{{ now().replace(hour=0, minute=0, second=0, microsecond=0) }} {{ now().time() }} {{ now().astimezone(utcnow().tzinfo) }} {{ now().utcoffset() }}
{{ today_at() }} {{ today_at('07:30') }} {{ today_at('23:59:58') }} {{ today_at('7:5') }} {{ now() > today_at('12:00') }}
{{ today_at('25:00') }}
{{ today_at('noon') }}
{{ as_timestamp(now()) }} {{ as_timestamp('2026-11-21T00:00:00+00:00') }} {{ '2026-11-21 08:00:00+08:00' | as_timestamp }} {{ as_timestamp('2026-11-21 08:00') }} {{ as_timestamp('x', 0) }} {{ as_timestamp(none, default='no') }}
{{ as_timestamp('x') }}
{{ as_timestamp(5) }}
{{ as_timestamp(states.sensor.energy.last_changed) }} {{ as_timestamp('2026-11-21') }}
{{ as_datetime('2026-11-21T10:00:00Z') }} {{ as_datetime('2026-11-21 10:00') }} {{ as_datetime(1700000000) }} {{ as_datetime('1700000000.5') }} {{ as_datetime('2026-11-21') }} {{ as_datetime('x') }} {{ as_datetime('x', 'no') }} {{ as_datetime(now()) }} {{ as_datetime(now().date()) }}
{{ as_datetime('2026-11-21T10:00:00.123456789+0530') }} {{ as_datetime('20261121T101112') }} {{ as_datetime('2026-11') }} {{ as_datetime('2026-1-5 7:05') }} {{ as_datetime('2026-11-21T10') }} {{ as_datetime('2026-11-21T10:00:00,5') }} {{ as_datetime('2026-11-21 10:00:00-03') }} {{ as_datetime('2026-11-21T24:00:00') }} {{ as_datetime('2026-11-21T10:00:00 +08:00') }}
{{ as_datetime('2026') }} {{ as_datetime('2026-13-01') }} {{ as_datetime('2026-11-31', 'no') }} {{ as_datetime('2026-11-21t10:00') }} {{ as_datetime('21.11.2026', 0) }} {{ as_datetime('') }} {{ as_datetime('2026-11-21T10:00:60') }}
{{ as_datetime(none) }}
{{ as_datetime([], 1) }} {{ as_datetime(-5) }} {{ as_datetime(0) }}
{{ as_local(utcnow()) }} {{ utcnow() | as_local }} {{ as_local(as_datetime('2026-11-21 10:00')) }} {{ as_datetime('2026-07-01T00:00:00Z') | as_local }}
{{ as_local('x') }}
{{ as_timedelta('01:30:00') }} {{ 'PT10M' | as_timedelta }} {{ as_timedelta('3 days, 00:00:10') }} {{ as_timedelta('P1DT2H3M4.5S') }} {{ as_timedelta('90') }} {{ as_timedelta('x') }} {{ as_timedelta('-00:05:00') }} {{ as_timedelta('1 00:00:00') }} {{ as_timedelta('5:30') }} {{ as_timedelta('-PT5M') }} {{ as_timedelta('10.5') }} {{ as_timedelta('2 days 04:15:00') }} {{ as_timedelta('') }} {{ as_timedelta('15:30:00.25') }}
{{ strptime('2026-11-21', '%Y-%m-%d') }} {{ strptime('21/11/26 10:30', '%d/%m/%y %H:%M') }} {{ strptime('x', '%Y', 'no') }} {{ strptime('10:30 +0800', '%H:%M %z') }} {{ strptime(none, '%Y', 0) }}
{{ strptime('x', '%Y') }}
{{ 1700000000 | timestamp_custom }} {{ 1700000000 | timestamp_custom('%H:%M') }} {{ 1700000000 | timestamp_custom('%H:%M', false) }} {{ 1700000000.75 | timestamp_custom('%S.%f') }} {{ 'x' | timestamp_custom('%H', true, 'no') }} {{ none | timestamp_custom(default=0) }}
{{ '1700000000' | timestamp_custom }}
{{ 1700000000 | timestamp_local }} {{ 1700000000.5 | timestamp_utc }} {{ 0 | timestamp_utc }} {{ -1.25 | timestamp_utc }} {{ 'x' | timestamp_local('no') }} {{ none | timestamp_utc(5) }}
{{ 'x' | timestamp_utc }}
{{ relative_time(now() - timedelta(hours=3, minutes=20)) }} {{ relative_time(now() - timedelta(seconds=1)) }} {{ relative_time(now()) }} {{ relative_time(states.sensor.balance.last_changed) }} {{ relative_time('x') }} {{ relative_time(now() - timedelta(days=400)) }}
{{ relative_time(now() + timedelta(hours=1)) }}
{{ time_since(now() - timedelta(days=1, hours=2, minutes=3, seconds=4)) }} {{ time_since(now() - timedelta(days=1, hours=2, minutes=3, seconds=4), precision=3) }} {{ time_since(now() - timedelta(days=40), 2) }} {{ time_since(5) }} {{ time_since(now() - timedelta(minutes=1, seconds=40)) }} {{ time_since(now() - timedelta(seconds=59.7)) }} {{ time_since(now() - timedelta(hours=2), 0) }}
{{ time_until(now() + timedelta(hours=5, minutes=59)) }} {{ time_until(now() + timedelta(hours=5, minutes=59), precision=2) }} {{ time_until(now()) }} {{ (now() + timedelta(weeks=2)) | time_until }} {{ 'x' | time_until }}
{{ time_until(now() - timedelta(hours=1)) }}
{{ states.sensor.balance.last_changed | relative_time }} {{ states.sensor.balance.last_updated | as_local }} {{ (utcnow() - states.sensor.power.last_changed) < timedelta(minutes=1) }}
{{ now() is datetime }} {{ 5 is datetime }} {{ now() | as_timestamp | int }} {{ (as_timestamp(now()) - 3600) | timestamp_custom('%H:%M:%S') }} {{ now().strftime('%A %d %B %j %p') }}
{{ (now() - 5) }}
{{ '12:30' < now().strftime('%H:%M') }} {{ now().hour in range(8, 20) }} {{ (now().month - 1) // 3 + 1 }} {{ now().date() == as_datetime('2026-11-21').date() }} {{ now().day == 21 }}
{{ as_datetime('2026-11-21').weekday() }} {{ (as_datetime('2026-12-01') - as_datetime('2026-11-21')).days }} {{ timedelta(hours=25).days }} {{ timedelta(hours=1) * 2 }} {{ timedelta(hours=1) / timedelta(minutes=30) }}
{{ (now() + timedelta(days=30)).strftime('%Y-%m') }} {{ '%02d:%02d' % (now().hour, now().minute) }} {{ now().strftime('%s') | int > 0 }}
# whole templates, as rules have them
{{ is_state('binary_sensor.door', 'on') and states('sensor.power') | float(0) > 500 }}
{{ states('sensor.balance') | float(0) < states('input_number.threshold') | float(0) }}
{% if states('sensor.balance') | float < 150 %}low{% else %}fine{% endif %}
Balance of {{ state_attr('sensor.energy', 'friendly_name') }}: {{ states('sensor.balance') }} {{ state_attr('sensor.balance', 'unit_of_measurement') }}
{% set sensors = ['sensor.energy', 'sensor.power', 'sensor.offline'] %}{{ sensors | select('has_value') | map('states') | map('float') | sum | round(1) }}
{% set low = states.sensor | selectattr('attributes.unit_of_measurement', 'defined') | selectattr('attributes.unit_of_measurement', 'eq', 'CNY') | list %}{{ low | count }} {{ low | map(attribute='entity_id') | join(', ') }}
{% set minutes = ((as_timestamp(now()) - as_timestamp(states.binary_sensor.door.last_changed)) / 60) | int %}{{ minutes }} minutes
{{ ((state_attr('sensor.power', 'phases') | max - state_attr('sensor.power', 'phases') | min) / (state_attr('sensor.power', 'phases') | average) * 100) | round(1) }}
{{ 'high' if states('sensor.power') | int(0) > state_attr('sensor.power', 'limit') * 0.8 else 'normal' }}
{{ {'entity_id': trigger.entity_id, 'value': states(trigger.entity_id) | float, 'at': now().isoformat()} }}
{{ dict(sensor='a', value=1) | to_json }}
{{ states.sensor | rejectattr('state', 'in', ['unavailable', 'unknown']) | map(attribute='entity_id') | list }}
{% for state in states.sensor | selectattr('state', 'eq', 'unavailable') %}- {{ state.name }}{% else %}all fine{% endfor %}
"""

LINES = [line for line in EXPRESSIONS.strip("\n").split("\n") if not line.startswith("# ") and "random" not in line]
