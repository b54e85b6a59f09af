{{ snov.stage(
    'prospect_custom_fields',
    columns=[
        ['field_key', 'text', 'key'],
        ['label', 'text'],
        ['required', 'boolean'],
        ['field_type', 'text', 'type'],
    ],
    key=['field_key'],
    listed=true
) }}
