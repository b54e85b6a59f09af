{{ snov.stage(
    'webhooks',
    columns=[
        ['webhook_id', 'whole', 'id'],
        ['end_point', 'text'],
        ['event_object', 'text'],
        ['event_action', 'text'],
        ['status', 'text'],
        ['created_at', 'time'],
    ],
    key=['webhook_id'],
    listed=true
) }}
