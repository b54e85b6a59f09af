{# One threshold for each kind of problem, as variables. #}
{% set least_sent = var('snov_least_emails', 100) %}
with campaigns as (
    select performance.*, lower(performance.status) in ('active', 'active (on hold)') as is_active
    from {{ ref('snov', 'snov__campaign_performance') }} as performance
    where not performance.is_deleted
),

last_weeks as (
    select campaign_id, emails_sent_7d, row_number() over (partition by campaign_id order by date desc) as newest
    from {{ ref('snov', 'snov__campaign_daily') }}
),

runways as (
    select campaigns.*, 7.0 * campaigns.contacts_left / nullif(last_weeks.emails_sent_7d, 0) as days_left
    from campaigns
    left join last_weeks
        on campaigns.campaign_id = last_weeks.campaign_id and last_weeks.newest = 1
),

balances as (
    select *, row_number() over (partition by source_relation order by checked_at desc) as newest
    from {{ ref('snov', 'stg_snov__account_balance') }}
),

problems as (
    select 'campaign' as about, campaign_id as id, campaign as name, 'paused automatically' as problem,
        1 as urgency, cast(null as {{ snov.type_double() }}) as figure, last_activity_on as since, source_relation, client
    from campaigns
    where lower(status) = 'automatically paused'
    union all
    select 'campaign', campaign_id, campaign, 'nobody left', 2, 0, last_activity_on, source_relation, client
    from campaigns
    where is_active and contacts_left = 0
    union all
    select 'campaign', campaign_id, campaign, 'runs dry', 2, days_left, cast(null as date), source_relation, client
    from runways
    where is_active and contacts_left > 0 and days_left < {{ var('snov_least_days_left', 3) }}
    {% for problem, rate, comparison, threshold in [
        ('bounces', 'bounce_rate', '>=', var('snov_most_bounced', 0.02)),
        ('unsubscribes', 'cast(people_unsubscribed as ' ~ snov.type_double() ~ ') / nullif(people_contacted_by_email, 0)', '>=', var('snov_most_unsubscribed', 0.03)),
        ('few opens', 'open_rate', '<', var('snov_least_opened', 0.2)),
        ('few replies', 'reply_rate', '<', var('snov_least_replied', 0.01)),
    ] %}
    union all
    select 'campaign', campaign_id, campaign, '{{ problem }}', {{ 1 if problem == 'bounces' else 3 }}, {{ rate }}, cast(null as date),
        source_relation, client
    from campaigns
    where is_active and emails_sent >= {{ least_sent }} and {{ rate }} {{ comparison }} {{ threshold }}
    {% endfor %}
    union all
    select 'mailbox', sender_email_id, sender, 'connection fails', 1, cast(null as {{ snov.type_double() }}), cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from {{ ref('snov', 'snov__sender_health') }}
    where not valid
    union all
    select 'mailbox', sender_email_id, sender, 'suspended', 1, cast(null as {{ snov.type_double() }}), cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from {{ ref('snov', 'snov__sender_health') }}
    where suspended
    union all
    select 'mailbox', sender_email_id, sender, 'warm-up ' || lower(warm_up_status), 2, warm_up_deliverability, cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from {{ ref('snov', 'snov__sender_health') }}
    where lower(warm_up_status) in ('error', 'paused')
    union all
    select 'mailbox', sender_email_id, sender, 'bounces', 1, bounce_rate, cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from {{ ref('snov', 'snov__sender_health') }}
    where emails_sent >= {{ least_sent }} and bounce_rate >= {{ var('snov_most_bounced', 0.02) }}
    union all
    select 'account', 0, 'Snov.io account', 'plan ends', 1, cast(expires_in as {{ snov.type_double() }}), cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from balances
    where newest = 1 and expires_in <= {{ var('snov_least_days_of_plan', 14) }}
    union all
    select 'account', 0, 'Snov.io account', 'no credits', 2, cast(balance as {{ snov.type_double() }}), cast(null as date),
        source_relation, cast(null as {{ dbt.type_string() }})
    from balances
    where newest = 1 and balance <= 0
)

select about, id, name, problem, urgency, figure, since, source_relation, client
from problems
