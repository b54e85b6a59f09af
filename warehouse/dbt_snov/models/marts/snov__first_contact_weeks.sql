{# Who was first mailed in a week, and who of them replied within two weeks or 30 days of that: rates that do not fall
   when a campaign stops sending, or rise while its replies arrive. #}
with days as (
    select person_days.person, person_days.date, person_days.was_mailed, person_days.has_replied
    from {{ ref('snov', 'int_snov__person_days') }} as person_days
    inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
        on person_days.campaign_id = campaigns.campaign_id and not campaigns.is_deleted
),

first_contacts as (
    select person, min(date) as first_mailed_on
    from days
    where was_mailed = 1
    group by person
),

first_replies as (
    select days.person, min(days.date) as first_replied_on
    from days
    inner join first_contacts
        on days.person = first_contacts.person and days.date >= first_contacts.first_mailed_on
    where days.has_replied = 1
    group by days.person
),

people as (
    select
        {{ snov.week_of('first_contacts.first_mailed_on') }} as week,
        {{ snov.days_between('first_contacts.first_mailed_on', 'first_replies.first_replied_on') }} as days_to_reply
    from first_contacts
    left join first_replies
        on first_contacts.person = first_replies.person
),

as_of as (
    select max(date) as day from days
)

select
    people.week,
    cast(count(*) as {{ dbt.type_bigint() }}) as people_first_mailed,
    cast(sum(case when people.days_to_reply <= 14 then 1 else 0 end) as {{ dbt.type_bigint() }}) as replied_within_14_days,
    cast(sum(case when people.days_to_reply <= 30 then 1 else 0 end) as {{ dbt.type_bigint() }}) as replied_within_30_days,
    {{ snov.days_after('people.week', 6 + 14) }} <= max(as_of.day) as has_14_days,
    {{ snov.days_after('people.week', 6 + 30) }} <= max(as_of.day) as has_30_days
from people
cross join as_of
group by people.week
