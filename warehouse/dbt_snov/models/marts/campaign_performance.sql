with active_days as (
    select campaign_id, max(date) as last_active_day
    from {{ ref('stg_campaign_analytics_daily') }}
    where
        {% for figure in snov.action_counts() + snov.people_counts() -%}
        {{ "or " if not loop.first }}{{ figure }} > 0
        {% endfor %}
    group by campaign_id
)

select
    campaigns.campaign_id,
    campaigns.campaign,
    campaigns.status,
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
    analytics.unsubscribed as people_unsubscribed,
    analytics.interested as people_interested,
    analytics.maybe as people_maybe,
    analytics.not_interested as people_not_interested,
    {{ snov.share('analytics.bounced', 'analytics.emails_sent') }} as bounce_rate,
    {{ snov.share('analytics.email_opens', 'analytics.contacted_by_email') }} as open_rate,
    {{ snov.share('analytics.link_clicks', 'analytics.contacted_by_email') }} as click_rate,
    {{ snov.share('analytics.email_replies', 'analytics.contacted_by_email') }} as reply_rate,
    {{ snov.share('analytics.interested', '(analytics.email_replies + analytics.linkedin_total_replies)') }}
        as interest_rate,
    coalesce(active_days.last_active_day, last_events.last_event_on) as last_activity_on
from {{ ref('stg_campaigns') }} as campaigns
left join {{ ref('stg_campaign_analytics') }} as analytics
    on campaigns.campaign_id = analytics.campaign_id
left join {{ ref('stg_campaign_progress') }} as progress
    on campaigns.campaign_id = progress.campaign_id
left join active_days
    on campaigns.campaign_id = active_days.campaign_id
left join {{ ref('int_last_events') }} as last_events
    on campaigns.campaign_id = last_events.campaign_id
