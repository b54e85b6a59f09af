with active_days as (
    select campaign_id, max(date) as last_active_day
    from {{ ref('snov', 'stg_snov__campaign_analytics_daily') }}
    where
        {% for figure in snov.action_counts() + snov.people_counts() -%}
        {{ "or " if not loop.first }}{{ figure }} > 0
        {% endfor %}
    group by campaign_id
)
,

-- A campaign that was deleted is no longer in a list that each sync replaces; its figures may still be there.
known as (
    select campaign_id, source_relation from {{ ref('snov', 'stg_snov__campaigns') }}
    union all
    select campaign_id, source_relation from {{ ref('snov', 'stg_snov__campaign_analytics') }}
    union all
    select campaign_id, source_relation from {{ ref('snov', 'stg_snov__campaign_progress') }}
),

everything as (
    select campaign_id, min(source_relation) as source_relation
    from known
    group by campaign_id
)

select
    everything.campaign_id,
    everything.source_relation,
    clients.client,
    campaigns.campaign,
    campaigns.status,
    coalesce(campaigns.is_deleted, true) as is_deleted,
    campaigns.created_at,
    campaigns.started_at,
    progress.progress,
    progress.unfinished as contacts_left,
    analytics.total_contacted as people_contacted,
    analytics.contacted_by_email as people_contacted_by_email,
    analytics.emails_sent,
    analytics.bounced,
    analytics.delivered,
    analytics.email_opens as people_opened,
    analytics.link_clicks as people_clicked,
    analytics.email_replies as people_replied,
    analytics.linkedin_total_replies as people_replied_linkedin,
    analytics.contacted_by_linkedin as people_contacted_by_linkedin,
    analytics.connection_requests as invitations_sent,
    analytics.accepted_requests as invitations_accepted,
    analytics.unsubscribed as people_unsubscribed,
    analytics.auto_replied as people_auto_replied,
    analytics.interested as people_interested,
    analytics.maybe as people_maybe,
    analytics.not_interested as people_not_interested,
    {{ snov.share('analytics.bounced', 'analytics.emails_sent') }} as bounce_rate,
    {{ snov.share('analytics.email_opens', 'analytics.contacted_by_email') }} as open_rate,
    {{ snov.share('analytics.link_clicks', 'analytics.contacted_by_email') }} as click_rate,
    {{ snov.share('analytics.email_replies', 'analytics.contacted_by_email') }} as reply_rate,
    {{ snov.share(
        'analytics.interested',
        '(coalesce(analytics.email_replies, 0) + coalesce(analytics.linkedin_total_replies, 0))'
    ) }} as interest_rate,
    coalesce(active_days.last_active_day, last_events.last_event_on) as last_activity_on,
    coalesce(analytics._airbyte_extracted_at, campaigns._airbyte_extracted_at) as synced_at
from everything
left join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on everything.campaign_id = campaigns.campaign_id
left join {{ ref('snov', 'stg_snov__campaign_analytics') }} as analytics
    on everything.campaign_id = analytics.campaign_id
left join {{ ref('snov', 'stg_snov__campaign_progress') }} as progress
    on everything.campaign_id = progress.campaign_id
left join {{ ref('snov', 'int_snov__clients') }} as clients
    on everything.campaign_id = clients.campaign_id
left join active_days
    on everything.campaign_id = active_days.campaign_id
left join {{ ref('snov', 'int_snov__last_events') }} as last_events
    on everything.campaign_id = last_events.campaign_id
