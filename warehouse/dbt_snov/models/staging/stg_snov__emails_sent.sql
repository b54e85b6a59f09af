{{ snov.stage(
    'emails_sent',
    columns=[
        ['campaign_id', 'whole'],
        ['row_id', 'text', 'id'],
        ['occurred_at', 'time'],
        ['sent_date', 'time'],
        ['recipient_name', 'text', 'user_name'],
        ['recipient_email', 'text', 'user_email'],
        ['campaign', 'text'],
        ['hash', 'text'],
    ],
    key=['campaign_id', 'row_id', 'occurred_at']
) }}
