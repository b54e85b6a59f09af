{{ snov.stage(
    'campaign_analytics_monthly',
    columns=[
        ['campaign_id', 'whole'],
        ['month', 'date'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns(),
    key=['campaign_id', 'month']
) }}
