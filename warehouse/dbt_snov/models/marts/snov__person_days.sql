{# Without addresses, so that people can be counted over any days and campaigns where nobody should see who they are. #}
select
    person_days.campaign_id,
    cast(dense_rank() over (order by person_days.person) as {{ dbt.type_bigint() }}) as person_number,
    person_days.date,
    person_days.was_mailed = 1 as was_mailed,
    person_days.has_bounced = 1 as has_bounced,
    person_days.has_opened = 1 as has_opened,
    person_days.has_clicked = 1 as has_clicked,
    person_days.has_replied = 1 as has_replied,
    person_days.has_unsubscribed = 1 as has_unsubscribed
from {{ ref('snov', 'int_snov__person_days') }} as person_days
inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on person_days.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
