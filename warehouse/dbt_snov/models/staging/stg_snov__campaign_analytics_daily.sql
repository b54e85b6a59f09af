{{ snov.stage(
    'campaign_analytics_daily',
    columns=[
        ['campaign_id', 'whole'],
        ['date', 'date'],
    ] + snov.analytics_columns(),
    key=['campaign_id', 'date']
) }}
