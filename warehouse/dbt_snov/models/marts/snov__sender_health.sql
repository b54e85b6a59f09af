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
)

select
    accounts.sender_email_id,
    accounts.sender_email as sender,
    accounts.sender_name,
    accounts.provider,
    accounts.valid,
    accounts.suspended,
    accounts.daily_limit,
    analytics.date_from as figures_from,
    analytics.date_to as figures_to,
    analytics.emails_sent,
    analytics.bounced,
    analytics.total_contacted as people_contacted,
    analytics.contacted_by_email as people_contacted_by_email,
    analytics.email_replies as people_replied,
    {{ snov.share('analytics.bounced', 'analytics.emails_sent') }} as bounce_rate,
    {{ snov.share('analytics.email_replies', 'analytics.contacted_by_email') }} as reply_rate,
    warm_ups.status as warm_up_status,
    as_of.day as warm_up_as_of,
    cast(
        case when warm_ups.warm_up_id is not null then coalesce(warm_up_weeks.emails_sent, 0) end
        as {{ dbt.type_bigint() }}
    ) as warm_up_sent_7d,
    {{ snov.share('warm_up_weeks.inbox_emails', 'warm_up_weeks.arrived_emails') }} as warm_up_deliverability
from {{ ref('snov', 'stg_snov__sender_email_accounts') }} as accounts
cross join as_of
left join {{ ref('snov', 'stg_snov__sender_analytics') }} as analytics
    on accounts.sender_email_id = analytics.sender_email_id
left join warm_ups
    on accounts.sender_email_id = warm_ups.sender_email_id and warm_ups.newest = 1
left join warm_up_weeks
    on accounts.sender_email_id = warm_up_weeks.sender_email_id
where not accounts.is_deleted
