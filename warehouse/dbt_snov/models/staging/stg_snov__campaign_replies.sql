{{ snov.stage(
    'campaign_replies',
    columns=[
        ['campaign_id', 'whole'],
        ['contact', 'text'],
        ['reply_type', 'text'],
        ['received_at', 'time'],
        ['prospect_id', 'text'],
        ['prospect_name', 'text'],
        ['prospect_email', 'text'],
        ['linked_in_profile', 'text'],
        ['campaign', 'text'],
        ['replies', 'json'],
        ['checked_at', 'time'],
    ],
    key=['campaign_id', 'contact', 'reply_type']
) }}
