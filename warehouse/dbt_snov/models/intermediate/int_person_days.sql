{# Aggregates many events into few rows, over which campaign_daily counts its seven days. #}
with events as (
    select campaign_id, recipient_email, occurred_at, 1 as was_mailed, 0 as has_opened, 0 as has_replied
    from {{ ref('stg_emails_sent') }}
    union all
    select campaign_id, recipient_email, occurred_at, 0, 1, 0
    from {{ ref('stg_email_opens') }}
    union all
    select campaign_id, recipient_email, occurred_at, 0, 0, 1
    from {{ ref('stg_email_replies') }}
    union all
    select
        campaign_id,
        recipient_email,
        event_time,
        case when lower(event_type) = 'sent' then 1 else 0 end,
        case when lower(event_type) = 'open' then 1 else 0 end,
        case when lower(event_type) = 'reply' then 1 else 0 end
    from {{ ref('stg_campaign_recipients_activity') }}
    where lower(event_type) in ('sent', 'open', 'reply')
)

select
    campaign_id,
    lower(recipient_email) as person,
    {{ snov.day_of('occurred_at') }} as date,
    max(was_mailed) as was_mailed,
    max(has_opened) as has_opened,
    max(has_replied) as has_replied
from events
where
    recipient_email is not null
    and occurred_at is not null
    {% if not var('snov_events', true) %}and 1 = 0{% endif %}
group by campaign_id, lower(recipient_email), {{ snov.day_of('occurred_at') }}
