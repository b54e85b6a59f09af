with hours as (
    select
        campaign_id,
        kind,
        {{ snov.local_time('occurred_at') }} as happened_at
    from {{ ref('snov', 'int_snov__events') }}
    where kind in ('sent', 'reply')
),

counted as (
    select
        campaign_id,
        kind,
        cast({{ snov.weekday_of('happened_at') }} as {{ dbt.type_bigint() }}) as weekday,
        cast(extract(hour from happened_at) as {{ dbt.type_bigint() }}) as hour
    from hours
)

select
    campaign_id,
    weekday,
    hour,
    '{{ snov.time_zone() }}' as time_zone,
    cast(sum(case when kind = 'sent' then 1 else 0 end) as {{ dbt.type_bigint() }}) as emails_sent,
    cast(sum(case when kind = 'reply' then 1 else 0 end) as {{ dbt.type_bigint() }}) as replies
from counted
group by campaign_id, weekday, hour
