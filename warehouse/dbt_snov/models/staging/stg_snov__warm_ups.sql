with warm_ups as (

{{ snov.stage(
    'warm_ups',
    columns=[
        ['warm_up_id', 'whole', 'id'],
        ['status', 'text'],
        ['warm_up_error', 'text'],
        ['email_account', 'json'],
        ['start_date', 'date'],
        ['campaign_deadline', 'date'],
        ['strategy', 'text'],
        ['per_day', 'whole'],
        ['first_day_emails', 'whole', 'from'],
        ['increase', 'whole'],
        ['daily_limit', 'whole'],
        ['sent_today', 'whole'],
        ['deliverability', 'number'],
        ['total_saved_from_spam', 'whole'],
        ['reply_rate', 'number'],
        ['send_to_paid_domain', 'boolean'],
        ['enable_ctd', 'boolean'],
        ['enable_proxy', 'boolean'],
        ['schedule', 'json'],
        ['template_name', 'text'],
        ['subject', 'text'],
        ['body', 'text'],
    ],
    key=['warm_up_id'],
    listed=true
) }}

)

select
    *,
    cast({{ snov.json_text('email_account', 'id') }} as {{ dbt.type_bigint() }}) as sender_email_id,
    {{ snov.json_text('email_account', 'email_from') }} as sender_email
from warm_ups
