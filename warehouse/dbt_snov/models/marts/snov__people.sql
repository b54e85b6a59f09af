with days as (
    select person_days.*
    from {{ ref('snov', 'int_snov__person_days') }} as person_days
    inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
        on person_days.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
)

select
    person,
    cast(count(distinct campaign_id) as {{ dbt.type_bigint() }}) as campaigns,
    min(case when was_mailed = 1 then date end) as first_mailed_on,
    max(date) as last_event_on,
    max(was_mailed) = 1 as was_mailed,
    max(has_opened + has_clicked + has_replied) > 0 or sum(was_mailed) > sum(has_bounced) as was_reached,
    max(has_bounced) = 1 as has_bounced,
    max(has_opened) = 1 as has_opened,
    max(has_clicked) = 1 as has_clicked,
    max(has_replied) = 1 as has_replied,
    max(has_unsubscribed) = 1 as has_unsubscribed
from days
group by person
