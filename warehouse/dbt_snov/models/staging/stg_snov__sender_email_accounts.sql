{{ snov.stage(
    'sender_email_accounts',
    columns=[
        ['sender_email_id', 'whole', 'id'],
        ['sender_name', 'text'],
        ['sender_email', 'text', 'email_from'],
        ['valid', 'boolean'],
        ['suspended', 'boolean'],
        ['daily_limit', 'whole', 'limitation'],
        ['provider', 'text'],
        ['tags', 'json'],
        ['imap', 'json'],
    ],
    key=['sender_email_id'],
    listed=true
) }}
