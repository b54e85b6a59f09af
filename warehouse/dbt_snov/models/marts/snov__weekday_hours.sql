{% set streams = {'stg_snov__emails_sent': 'sent', 'stg_snov__email_replies': 'reply'} %}
with events as (
    {% for model, type in streams.items() %}
    select campaign_id, recipient_email, occurred_at, '{{ type }}' as event_type
    from {{ ref('snov', model) }}
    union all
    {% endfor %}
    select campaign_id, recipient_email, event_time, lower(event_type)
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }}
    where lower(event_type) in ('{{ streams.values() | join("', '") }}')
),

local_events as (
    select
        campaign_id,
        lower(recipient_email) as person,
        event_type,
        {{ snov.local_time('occurred_at') }} as happened_at
    from events
    where
        recipient_email is not null
        and occurred_at is not null
        {% if not var('snov_events', true) %}and 1 = 0{% endif %}
),

-- Both kinds of streams have the same events, which count once.
hours as (
    select distinct
        campaign_id,
        person,
        event_type,
        {{ snov.day_of('happened_at') }} as date,
        cast({{ snov.weekday_of('happened_at') }} as {{ dbt.type_bigint() }}) as weekday,
        cast(extract(hour from happened_at) as {{ dbt.type_bigint() }}) as hour
    from local_events
)

select
    hours.campaign_id,
    hours.weekday,
    hours.hour,
    '{{ snov.time_zone() }}' as time_zone,
    cast(sum(case when hours.event_type = 'sent' then 1 else 0 end) as {{ dbt.type_bigint() }}) as emails_sent,
    cast(sum(case when hours.event_type = 'reply' then 1 else 0 end) as {{ dbt.type_bigint() }}) as replies
from hours
inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on hours.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
group by hours.campaign_id, hours.weekday, hours.hour
