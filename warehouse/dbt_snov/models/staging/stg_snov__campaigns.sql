{{ snov.stage(
    'campaigns',
    columns=[
        ['campaign_id', 'whole', 'id'],
        ['campaign', 'text'],
        ['list_id', 'whole'],
        ['status', 'text'],
        ['created_at', 'time'],
        ['updated_at', 'time'],
        ['started_at', 'time'],
        ['hash', 'text'],
    ],
    key=['campaign_id'],
    listed=true,
    needed=true
) }}
