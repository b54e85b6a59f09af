{{ snov.stage(
    'account_balance',
    columns=[
        ['checked_at', 'time'],
        ['balance', 'number'],
        ['unique_recipients_used', 'whole'],
        ['limit_resets_in', 'whole'],
        ['expires_in', 'whole'],
        ['teamwork', 'boolean'],
    ],
    key=['checked_at']
) }}
