{{ snov.stage(
    'linkedin_accounts',
    columns=[
        ['sender_linkedin_id', 'whole', 'id'],
        ['name', 'text'],
        ['username', 'text'],
    ],
    key=['sender_linkedin_id'],
    listed=true
) }}
