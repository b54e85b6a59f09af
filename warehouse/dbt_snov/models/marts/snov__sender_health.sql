{% set events = snov.is_loaded(['campaign_recipients_activity']) and var('snov_events', true) %}
with known_days as (
    select max(date_to) as day from {{ ref('snov', 'stg_snov__sender_analytics') }}
    union all
    select max(date_to) as day from {{ ref('snov', 'stg_snov__campaign_analytics') }}
    union all
    select max(date) as day from {{ ref('snov', 'stg_snov__warm_up_daily_statistics') }}
),

as_of as (
    select max(day) as day from known_days
),

-- A mailbox may have a second warm-up after its first one has ended.
warm_ups as (
    select
        sender_email_id,
        warm_up_id,
        status,
        row_number() over (partition by sender_email_id order by warm_up_id desc) as newest
    from {{ ref('snov', 'stg_snov__warm_ups') }}
    where not is_deleted
),

warm_up_weeks as (
    select
        warm_ups.sender_email_id,
        sum(days.emails_sent) as emails_sent,
        sum(days.inbox_emails) as inbox_emails,
        sum(days.inbox_emails + days.spam_emails + days.categories_emails) as arrived_emails
    from {{ ref('snov', 'stg_snov__warm_up_daily_statistics') }} as days
    inner join warm_ups
        on days.warm_up_id = warm_ups.warm_up_id
    cross join as_of
    where days.date > {{ snov.days_after('as_of.day', -7) }} and days.date <= as_of.day
    group by warm_ups.sender_email_id
),

-- Whoever was mailed from a mailbox, by what happened: the figures of the mailbox where sender_analytics is not synced.
people as (
    select
        lower(sender_email) as sender,
        lower(recipient_email) as person,
        {%- for kind in ('sent', 'bounce', 'open', 'click', 'reply') %}
        sum(case when lower(event_type) = '{{ kind }}' then 1 else 0 end) as {{ kind }}_events{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }}
    where sender_email is not null and recipient_email is not null
    group by lower(sender_email), lower(recipient_email)
),

from_events as (
    select
        sender,
        sum(sent_events) as emails_sent,
        sum(bounce_events) as bounced,
        sum(
            case when open_events + click_events + reply_events > 0 or sent_events > bounce_events then 1 else 0 end
        ) as people_contacted,
        sum(case when reply_events > 0 then 1 else 0 end) as people_replied
    from people
    group by sender
),

days_of_events as (
    select
        {{ snov.day_of('min(event_time)') }} as first_day,
        {{ snov.day_of('max(event_time)') }} as last_day
    from {{ ref('snov', 'stg_snov__campaign_recipients_activity') }}
),

figures as (
    select
        accounts.*,
        {{ 'analytics.sender_email_id is null' if events else 'false' }} as figures_are_from_events,
        coalesce(analytics.date_from, days_of_events.first_day) as figures_from,
        coalesce(analytics.date_to, days_of_events.last_day) as figures_to,
        {%- for name, reported, counted in [
            ('emails_sent', 'emails_sent', 'emails_sent'),
            ('bounced', 'bounced', 'bounced'),
            ('people_contacted', 'total_contacted', 'people_contacted'),
            ('people_contacted_by_email', 'contacted_by_email', 'people_contacted'),
            ('people_replied', 'email_replies', 'people_replied'),
        ] %}
        {% if events -%}
        cast(
            case when analytics.sender_email_id is null
                then coalesce(from_events.{{ counted }}, 0) else analytics.{{ reported }}
            end as {{ dbt.type_bigint() }}
        )
        {%- else -%}
        analytics.{{ reported }}
        {%- endif %} as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref('snov', 'stg_snov__sender_email_accounts') }} as accounts
    cross join days_of_events
    left join {{ ref('snov', 'stg_snov__sender_analytics') }} as analytics
        on accounts.sender_email_id = analytics.sender_email_id
    left join from_events
        on lower(accounts.sender_email) = from_events.sender
    where not accounts.is_deleted
)

select
    accounts.sender_email_id,
    accounts.source_relation,
    accounts.sender_email as sender,
    accounts.sender_name,
    accounts.provider,
    accounts.valid,
    accounts.suspended,
    accounts.daily_limit,
    accounts.figures_are_from_events,
    accounts.figures_from,
    accounts.figures_to,
    accounts.emails_sent,
    accounts.bounced,
    accounts.people_contacted,
    accounts.people_contacted_by_email,
    accounts.people_replied,
    {{ snov.share('accounts.bounced', 'accounts.emails_sent') }} as bounce_rate,
    {{ snov.share('accounts.people_replied', 'accounts.people_contacted_by_email') }} as reply_rate,
    warm_ups.status as warm_up_status,
    as_of.day as warm_up_as_of,
    cast(
        case when warm_ups.warm_up_id is not null then coalesce(warm_up_weeks.emails_sent, 0) end
        as {{ dbt.type_bigint() }}
    ) as warm_up_sent_7d,
    {{ snov.share('warm_up_weeks.inbox_emails', 'warm_up_weeks.arrived_emails') }} as warm_up_deliverability
from figures as accounts
cross join as_of
left join warm_ups
    on accounts.sender_email_id = warm_ups.sender_email_id and warm_ups.newest = 1
left join warm_up_weeks
    on accounts.sender_email_id = warm_up_weeks.sender_email_id
