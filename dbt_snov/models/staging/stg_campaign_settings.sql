{{ snov.stage(
    'campaign_settings',
    columns=[
        ['campaign_id', 'whole', 'id'],
        ['status', 'text'],
        ['campaign', 'text', 'title'],
        ['priority', 'text'],
        ['email_accounts', 'json'],
        ['linkedin_accounts', 'json'],
        ['recipients', 'json'],
        ['schedule_id', 'whole'],
        ['timezone', 'text'],
        ['start_campaign_at', 'local time'],
        ['complete_campaign_at', 'local time'],
        ['complete_campaign_after_last_step', 'boolean'],
        ['archive_in_months', 'whole'],
        ['tracking', 'json'],
        ['sending_settings', 'json'],
        ['provider_matching', 'boolean'],
        ['sequence', 'json'],
        ['deals', 'json'],
    ],
    key=['campaign_id']
) }}
