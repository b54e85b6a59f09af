{% set events = var('snov_events', true) %}
{% set people = {
    'people_mailed_7d': snov.is_loaded(['emails_sent', 'campaign_recipients_activity']) and events,
    'people_opened_7d': snov.is_loaded(['email_opens', 'campaign_recipients_activity']) and events,
    'people_replied_7d': snov.is_loaded(['email_replies', 'campaign_recipients_activity']) and events,
} %}
{% do people.update({
    'mailed_people_opened_7d': people.people_mailed_7d and people.people_opened_7d,
    'mailed_people_replied_7d': people.people_mailed_7d and people.people_replied_7d,
}) %}
with daily as (
    select * from {{ ref('snov', 'stg_snov__campaign_analytics_daily') }}
),

spans as (
    select
        campaign_id,
        min(source_relation) as source_relation,
        min(date) as first_day,
        max(date) as last_day,
        {{ snov.days_between('min(date)', 'max(date)') }} as days_later
    from daily
    group by campaign_id
),

numbers as (
    select number
    from {{ snov.numbers() }} as all_numbers
    where number <= (select max(days_later) from spans)
),

days as (
    select
        spans.campaign_id,
        spans.source_relation,
        {{ snov.days_after('spans.first_day', 'numbers.number') }} as date
    from spans
    inner join numbers
        on numbers.number <= spans.days_later
),

-- Each day of a person belongs to the seven days that end on it and on the next six days.
persons_of_seven_days as (
    select
        person_days.campaign_id,
        person_days.person,
        {{ snov.days_after('person_days.date', 'later.digit') }} as date,
        max(person_days.was_mailed) as was_mailed,
        max(person_days.has_opened) as has_opened,
        max(person_days.has_replied) as has_replied
    from {{ ref('snov', 'int_snov__person_days') }} as person_days
    cross join {{ snov.digits(7) }} as later
    group by
        person_days.campaign_id,
        person_days.person,
        {{ snov.days_after('person_days.date', 'later.digit') }}
),

seven_days as (
    select
        campaign_id,
        date,
        sum(was_mailed) as people_mailed_7d,
        sum(has_opened) as people_opened_7d,
        sum(has_replied) as people_replied_7d,
        sum(was_mailed * has_opened) as mailed_people_opened_7d,
        sum(was_mailed * has_replied) as mailed_people_replied_7d
    from persons_of_seven_days
    group by campaign_id, date
),

figures as (
    select
        days.campaign_id,
        days.source_relation,
        clients.client,
        campaigns.campaign,
        coalesce(campaigns.is_deleted, true) as is_deleted,
        days.date,
        daily.emails_sent,
        daily.bounced,
        daily.delivered,
        daily.email_opens as people_opened,
        daily.link_clicks as people_clicked,
        daily.email_replies as people_replied,
        daily.total_contacted as people_contacted,
        cast(
            sum(daily.emails_sent) over (
                partition by days.campaign_id
                order by days.date
                rows between 6 preceding and current row
            ) as {{ dbt.type_bigint() }}
        ) as emails_sent_7d,
        cast(
            sum(daily.bounced) over (
                partition by days.campaign_id
                order by days.date
                rows between 6 preceding and current row
            ) as {{ dbt.type_bigint() }}
        ) as bounced_7d,
        {%- for figure, known in people.items() %}
        {% if known -%}
        cast(coalesce(seven_days.{{ figure }}, 0) as {{ dbt.type_bigint() }})
        {%- else -%}
        cast(null as {{ dbt.type_bigint() }})
        {%- endif %} as {{ figure }}{{ "," if not loop.last }}
        {%- endfor %}
    from days
    left join daily
        on days.campaign_id = daily.campaign_id and days.date = daily.date
    left join seven_days
        on days.campaign_id = seven_days.campaign_id and days.date = seven_days.date
    left join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
        on days.campaign_id = campaigns.campaign_id
    left join {{ ref('snov', 'int_snov__clients') }} as clients
        on days.campaign_id = clients.campaign_id
)

select
    campaign_id,
    source_relation,
    client,
    campaign,
    is_deleted,
    date,
    emails_sent,
    bounced,
    delivered,
    people_opened,
    people_clicked,
    people_replied,
    people_contacted,
    emails_sent_7d,
    bounced_7d,
    {{ snov.share('bounced_7d', 'emails_sent_7d') }} as bounce_rate_7d,
    people_mailed_7d,
    people_opened_7d,
    people_replied_7d,
    mailed_people_opened_7d,
    mailed_people_replied_7d,
    {{ snov.share('mailed_people_opened_7d', 'people_mailed_7d') }} as open_rate_7d,
    {{ snov.share('mailed_people_replied_7d', 'people_mailed_7d') }} as reply_rate_7d
from figures
