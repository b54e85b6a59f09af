{{ snov.stage(
    'warm_up_provider_statistics',
    columns=[
        ['warm_up_id', 'whole'],
        ['provider', 'text'],
        ['provider_id', 'whole', 'id'],
        ['mails', 'whole', 'count'],
        ['spam_mails', 'whole', 'spam'],
        ['categories_mails', 'whole', 'categories'],
        ['inbox_percent', 'number', 'percent'],
        ['checked_at', 'time'],
    ],
    key=['warm_up_id', 'provider']
) }}
