{% set streams = {
    'stg_snov__campaign_recipients_activity': 'event_time',
    'stg_snov__emails_sent': 'occurred_at',
    'stg_snov__email_opens': 'occurred_at',
    'stg_snov__email_clicks': 'occurred_at',
    'stg_snov__email_replies': 'occurred_at',
    'stg_snov__campaign_replies': 'received_at',
} %}
with events as (
    {% for model, time in streams.items() %}
    select campaign_id, max({{ time }}) as happened_at
    from {{ ref('snov', model) }}
    group by campaign_id
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select campaign_id, {{ snov.day_of('max(happened_at)') }} as last_event_on
from events
group by campaign_id
