{# Aggregates many events into few rows, from which the marts count people. #}
{% set kinds = {
    'was_mailed': 'sent',
    'has_bounced': 'bounce',
    'has_opened': 'open',
    'has_clicked': 'click',
    'has_replied': 'reply',
    'has_unsubscribed': 'unsubscribe',
} %}
{% set streams = {
    'stg_snov__emails_sent': 'was_mailed',
    'stg_snov__email_opens': 'has_opened',
    'stg_snov__email_clicks': 'has_clicked',
    'stg_snov__email_replies': 'has_replied',
} %}
with events as (
    {% for model, kind in streams.items() %}
    select campaign_id, recipient_email, occurred_at
        {%- for name in kinds %}, {{ 1 if name == kind else 0 }} as {{ name }}{% endfor %}
    from {{ ref('snov', model) }}
    union all
    {% endfor %}
    select campaign_id, recipient_email, event_time
        {%- for name, type in kinds.items() %},
        case when lower(event_type) = '{{ type }}' then 1 else 0 end
        {%- endfor %}
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }}
    where lower(event_type) in ('{{ kinds.values() | join("', '") }}')
)

select
    campaign_id,
    lower(recipient_email) as person,
    {{ snov.day_of('occurred_at') }} as date,
    {%- for name in kinds %}
    max({{ name }}) as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
from events
where
    recipient_email is not null
    and occurred_at is not null
    {% if not var('snov_events', true) %}and 1 = 0{% endif %}
group by campaign_id, lower(recipient_email), {{ snov.day_of('occurred_at') }}
