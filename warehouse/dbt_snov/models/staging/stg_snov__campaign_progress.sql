{{ snov.stage(
    'campaign_progress',
    columns=[
        ['campaign_id', 'whole'],
        ['status', 'text'],
        ['unfinished', 'whole'],
        ['progress', 'number'],
        ['checked_at', 'time'],
    ],
    key=['campaign_id']
) }}
