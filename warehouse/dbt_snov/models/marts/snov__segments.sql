{# People and not memberships: somebody in two campaigns counts once. #}
{% set dimensions = ['industry', 'country', 'location', 'job_position', 'company'] %}
with activity as (
    select activity.*, lower(activity.recipient_email) as person
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }} as activity
    inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
        on activity.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
    where activity.recipient_email is not null {% if not var('snov_events', true) %}and 1 = 0{% endif %}
),

profiles as (
    select
        person,
        {%- for name in dimensions %}
        nullif(trim({{ name }}), '') as {{ name }},
        {%- endfor %}
        row_number() over (partition by person order by event_time desc, event_id) as newest
    from activity
),

outcomes as (
    select
        person,
        max(case when lower(event_type) = 'sent' then 1 else 0 end) as was_mailed,
        max(case when lower(event_type) = 'open' then 1 else 0 end) as has_opened,
        max(case when lower(event_type) = 'reply' then 1 else 0 end) as has_replied
    from activity
    group by person
),

people as (
    {% for name in dimensions -%}
    select '{{ name }}' as dimension, coalesce(profiles.{{ name }}, '(unknown)') as segment, outcomes.*
    from outcomes
    inner join profiles
        on outcomes.person = profiles.person and profiles.newest = 1
    where outcomes.was_mailed = 1
    {{ "union all" if not loop.last }}
    {% endfor %}
),

segments as (
    select
        dimension,
        segment,
        count(*) as people_mailed,
        sum(has_opened) as people_opened,
        sum(has_replied) as people_replied
    from people
    group by dimension, segment
)

select
    dimension,
    segment,
    cast(people_mailed as {{ dbt.type_bigint() }}) as people_mailed,
    cast(people_opened as {{ dbt.type_bigint() }}) as people_opened,
    cast(people_replied as {{ dbt.type_bigint() }}) as people_replied,
    {{ snov.share('people_opened', 'people_mailed') }} as open_rate_of_mailed,
    {{ snov.share('people_replied', 'people_mailed') }} as reply_rate_of_mailed
from segments
