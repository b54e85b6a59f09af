{{ snov.stage(
    'account_analytics_daily',
    columns=[
        ['date', 'date'],
    ] + snov.analytics_columns(),
    key=['date']
) }}
