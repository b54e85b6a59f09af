{{ snov.stage(
    'list_prospects',
    columns=[
        ['list_id', 'whole'],
        ['contact', 'text'],
        ['prospect_id', 'text', 'id'],
        ['name', 'text'],
        ['first_name', 'text'],
        ['last_name', 'text'],
        ['emails', 'json'],
    ],
    key=['list_id', 'contact']
) }}
