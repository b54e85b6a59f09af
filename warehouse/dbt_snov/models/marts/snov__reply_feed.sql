with counted as (
    select *, coalesce({{ snov.json_length('replies') }}, 0) as replies_listed
    from {{ ref('snov', 'stg_snov__campaign_replies') }}
),

-- A contact without a list of replies has replied too.
contacts as (
    select *, case when replies_listed > 0 then replies_listed else 1 end as reply_count
    from counted
),

numbers as (
    select number
    from {{ snov.numbers() }} as all_numbers
    where number >= 1 and number <= (select max(reply_count) from contacts)
),

numbered as (
    select contacts.*, numbers.number as reply_number
    from contacts
    inner join numbers
        on numbers.number <= contacts.reply_count
),

replies as (
    select *, {{ snov.json_element('replies', 'reply_number') }} as reply
    from numbered
),

feed as (
    select
        coalesce({{ snov.utc_of_text(snov.json_text('reply', 'received_at')) }}, received_at) as replied_at,
        campaign_id,
        source_relation,
        campaign,
        contact,
        prospect_name,
        prospect_email,
        linked_in_profile,
        case when lower(reply_type) like 'linkedin%' then 'linkedin' else lower(reply_type) end as channel,
        reply_type,
        reply_number,
        nullif({{ snov.json_text('reply', 'subject') }}, '') as subject,
        {{ snov.json_text('reply', 'message') }} as message
    from replies
)

select
    row_number() over (
        order by
            case when feed.replied_at is null then 1 else 0 end,
            feed.replied_at desc,
            feed.campaign_id,
            feed.contact,
            feed.reply_type,
            feed.reply_number desc
    ) as position,
    feed.replied_at,
    feed.campaign_id,
    feed.source_relation,
    clients.client,
    coalesce(campaigns.campaign, feed.campaign) as campaign,
    feed.contact,
    feed.prospect_name,
    feed.prospect_email,
    feed.linked_in_profile,
    feed.channel,
    feed.reply_type,
    feed.reply_number,
    feed.subject,
    feed.message
from feed
left join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on feed.campaign_id = campaigns.campaign_id
left join {{ ref('snov', 'int_snov__clients') }} as clients
    on feed.campaign_id = clients.campaign_id
