{{ snov.stage(
    'campaign_recipients_activity',
    columns=[
        ['event_id', 'text'],
        ['campaign_id', 'whole'],
        ['event_time', 'time'],
        ['event_type', 'text'],
        ['sender_email', 'text'],
        ['email_subject', 'text'],
        ['recipient_email', 'text'],
        ['recipient_name', 'text'],
        ['phone', 'text'],
        ['job_position', 'text'],
        ['company', 'text'],
        ['industry', 'text'],
        ['country', 'text'],
        ['location', 'text'],
        ['hq_phone', 'text'],
        ['website', 'text'],
    ],
    key=['event_id']
) }}
