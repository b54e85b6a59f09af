{{ snov.stage(
    'account_analytics_monthly',
    columns=[
        ['month', 'date'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns(),
    key=['month']
) }}
