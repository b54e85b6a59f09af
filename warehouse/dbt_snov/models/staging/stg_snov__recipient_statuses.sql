{{ snov.stage(
    'recipient_statuses',
    columns=[
        ['campaign_id', 'whole'],
        ['email', 'text'],
        ['is_in_campaign', 'boolean', 'exist'],
        ['status', 'text'],
        ['checked_at', 'time'],
    ],
    key=['campaign_id', 'email']
) }}
