{{ snov.stage(
    'linkedin_sender_analytics',
    columns=[
        ['sender_linkedin_id', 'whole'],
        ['date_from', 'date'],
        ['date_to', 'date'],
    ] + snov.analytics_columns(),
    key=['sender_linkedin_id']
) }}
