{{ snov.stage(
    'sender_analytics',
    columns=[
        ['sender_email_id', 'whole'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns() + [['checked_at', 'time']],
    key=['sender_email_id']
) }}
