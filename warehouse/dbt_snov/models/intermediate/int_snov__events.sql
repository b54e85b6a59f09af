{# The events of people, each once: the activity has all kinds; without it, the lists of e-mails have these. #}
{% set streams = {
    'stg_snov__emails_sent': 'sent',
    'stg_snov__email_opens': 'open',
    'stg_snov__email_clicks': 'click',
    'stg_snov__email_replies': 'reply',
} %}
{% set has_activity = snov.is_loaded(['campaign_recipients_activity']) %}
with events as (
    select campaign_id, recipient_email, event_time as occurred_at, lower(event_type) as kind
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }}
    {%- for model, kind in streams.items() %}
    union all
    select campaign_id, recipient_email, occurred_at, '{{ kind }}' as kind
    from {{ ref('snov', model) }}
    {% if has_activity %}where 1 = 0{% endif %}
    {%- endfor %}
)

select
    events.campaign_id,
    lower(events.recipient_email) as person,
    events.occurred_at,
    events.kind
from events
inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on events.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
where
    events.recipient_email is not null
    and events.occurred_at is not null
    {% if not var('snov_events', true) %}and 1 = 0{% endif %}
