-- One row per campaign and day, from the first to the last day in campaign_analytics_daily.
with wanted as (
    select
        campaign_id,
        min(date) as first_day,
        max(date) as last_day,
        {{ snov.days_between('min(date)', 'max(date)') }} + 1 as days
    from {{ ref('snov', 'stg_snov__campaign_analytics_daily') }}
    group by campaign_id
),

found as (
    select
        campaign_id,
        min(date) as first_day,
        max(date) as last_day,
        count(distinct date) as days,
        count(*) as found_rows
    from {{ ref('snov', 'snov__campaign_daily') }}
    group by campaign_id
)

select wanted.campaign_id, wanted.days, found.days as days_found
from wanted
left join found
    on wanted.campaign_id = found.campaign_id
where
    found.campaign_id is null
    or found.first_day <> wanted.first_day
    or found.last_day <> wanted.last_day
    or found.days <> wanted.days
    or found.found_rows <> wanted.days
