{{ snov.stage(
    'campaign_analytics',
    columns=[
        ['campaign_id', 'whole'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns() + [['checked_at', 'time']],
    key=['campaign_id']
) }}
