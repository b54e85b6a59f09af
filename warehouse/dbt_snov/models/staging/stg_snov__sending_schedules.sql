{{ snov.stage(
    'sending_schedules',
    columns=[
        ['schedule_id', 'whole', 'id'],
        ['name', 'text'],
        ['timezone', 'text'],
        ['days', 'json'],
    ],
    key=['schedule_id'],
    listed=true
) }}
