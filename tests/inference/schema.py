"""The JSON schema of the records, checked with the few keywords that it uses."""

import json
from pathlib import Path

import handkd

SCHEMA = json.loads((Path(handkd.__file__).parent / 'inference' / 'result.schema.json').read_text())
TYPES = dict(object=dict, array=list, string=str, number=(int, float), integer=int, null=type(None))
KEYWORDS = {
    '$schema', '$id', '$defs', '$ref', 'title', 'description', 'type', 'const', 'enum', 'properties', 'required',
    'additionalProperties', 'items', 'minItems', 'maxItems', 'minimum', 'maximum',
}  # fmt: skip


def check(value: object, rule: dict = SCHEMA, where: str = 'record') -> None:
    """Assert that a value has the form of the schema."""
    assert {*rule} <= KEYWORDS, f'{where}: a keyword of the schema that this test does not know'
    if '$ref' in rule:
        rule = SCHEMA['$defs'][rule['$ref'].rpartition('/')[2]] | {k: v for k, v in rule.items() if k != '$ref'}
    kinds = [rule['type']] if isinstance(rule.get('type'), str) else rule.get('type', list(TYPES))
    fits = [kind for kind in kinds if isinstance(value, TYPES[kind]) and not isinstance(value, bool)]
    assert fits, f'{where}: {value!r} is not of {kinds}'
    assert 'const' not in rule or value == rule['const'], f'{where}: {value!r}'
    assert 'enum' not in rule or value in rule['enum'], f'{where}: {value!r} is not one of {rule["enum"]}'
    if isinstance(value, dict) and 'properties' in rule:
        assert {*rule.get('required', ())} <= {*value}, f'{where}: {sorted({*rule["required"]} - {*value})} missing'
        if rule.get('additionalProperties') is False:
            assert {*value} <= {*rule['properties']}, f'{where}: {sorted({*value} - {*rule["properties"]})} unknown'
        for key, part in value.items():
            check(part, rule['properties'].get(key, {}), f'{where}.{key}')
    if isinstance(value, list):
        assert rule.get('minItems', 0) <= len(value) <= rule.get('maxItems', len(value)), f'{where}: {len(value)} items'
        for i, part in enumerate(value):
            check(part, rule.get('items', {}), f'{where}[{i}]')
    if isinstance(value, (int, float)):
        assert rule.get('minimum', value) <= value <= rule.get('maximum', value), f'{where}: {value}'
