{# Each event belongs to the last e-mail before it. The API says of no event which step of the sequence it is about. #}
{% set outcomes = {'opened': 'open', 'clicked': 'click', 'replied': 'reply', 'unsubscribed': 'unsubscribe'} %}
with numbered as (
    select
        *,
        sum(case when kind = 'sent' then 1 else 0 end) over (
            partition by campaign_id, person
            order by occurred_at, case when kind = 'sent' then 0 else 1 end
            rows between unbounded preceding and current row
        ) as step
    from {{ ref('snov', 'int_snov__events') }}
),

people as (
    select
        campaign_id,
        person,
        step,
        {%- for outcome, kind in outcomes.items() %}
        max(case when kind = '{{ kind }}' then 1 else 0 end) as has_{{ outcome }}{{ "," if not loop.last }}
        {%- endfor %}
    from numbered
    where step >= 1
    group by campaign_id, person, step
),

steps as (
    select
        campaign_id,
        step,
        count(*) as people_mailed,
        {%- for outcome in outcomes %}
        sum(has_{{ outcome }}) as people_{{ outcome }}{{ "," if not loop.last }}
        {%- endfor %}
    from people
    group by campaign_id, step
)

select
    steps.campaign_id,
    clients.client,
    campaigns.campaign,
    cast(steps.step as {{ dbt.type_bigint() }}) as step,
    {%- for figure in ['mailed'] + (outcomes | list) %}
    cast(steps.people_{{ figure }} as {{ dbt.type_bigint() }}) as people_{{ figure }},
    {%- endfor %}
    {{ snov.share('steps.people_opened', 'steps.people_mailed') }} as open_rate_of_mailed,
    {{ snov.share('steps.people_replied', 'steps.people_mailed') }} as reply_rate_of_mailed
from steps
inner join {{ ref('snov', 'stg_snov__campaigns') }} as campaigns
    on steps.campaign_id = campaigns.campaign_id
left join {{ ref('snov', 'int_snov__clients') }} as clients
    on steps.campaign_id = clients.campaign_id
