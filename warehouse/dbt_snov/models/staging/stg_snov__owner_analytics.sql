{{ snov.stage(
    'owner_analytics',
    columns=[
        ['campaign_owner', 'text'],
        ['month', 'date'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns(),
    key=['campaign_owner', 'month']
) }}
