{{ snov.stage(
    'finished_prospects',
    columns=[
        ['campaign_id', 'whole'],
        ['row_id', 'text', 'id'],
        ['prospect_id', 'text'],
        ['recipient_name', 'text', 'user_name'],
        ['recipient_email', 'text', 'user_email'],
        ['campaign', 'text'],
        ['hash', 'text'],
        ['checked_at', 'time'],
    ],
    key=['campaign_id', 'row_id']
) }}
