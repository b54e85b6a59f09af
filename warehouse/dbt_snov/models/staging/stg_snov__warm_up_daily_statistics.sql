{{ snov.stage(
    'warm_up_daily_statistics',
    columns=[
        ['warm_up_id', 'whole'],
        ['date', 'date'],
        ['emails_sent', 'whole'],
        ['replies', 'whole'],
        ['bounces', 'whole'],
        ['inbox_emails', 'whole'],
        ['spam_emails', 'whole'],
        ['categories_emails', 'whole'],
        ['scheduled', 'whole'],
    ],
    key=['warm_up_id', 'date']
) }}
