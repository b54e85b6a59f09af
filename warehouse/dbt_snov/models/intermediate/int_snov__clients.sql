{# A table or seed of your own that the variable names; without it, no campaign has a client. #}
{% set clients = var('snov_clients', none) %}
{% if clients -%}
select cast(campaign_id as {{ dbt.type_bigint() }}) as campaign_id, cast(client as {{ dbt.type_string() }}) as client
from {{ ref(clients) }}
{%- else -%}
select cast(null as {{ dbt.type_bigint() }}) as campaign_id, cast(null as {{ dbt.type_string() }}) as client
from (select 1 as nothing) as none_named
where 1 = 0
{%- endif %}
