{{ snov.stage(
    'campaign_step_contents',
    columns=[
        ['campaign_id', 'whole'],
        ['step_id', 'whole'],
        ['content_id', 'whole'],
        ['email_position', 'whole', 'position'],
        ['subject', 'text'],
        ['body', 'text'],
        ['plain_text', 'boolean'],
        ['usage', 'text'],
        ['checked_at', 'time'],
    ],
    key=['campaign_id', 'step_id', 'content_id']
) }}
