{{ snov.stage(
    'sender_analytics_daily',
    columns=[
        ['sender_email_id', 'whole'],
        ['date', 'date'],
    ] + snov.analytics_columns(),
    key=['sender_email_id', 'date']
) }}
