{#
    The query of a staging model: renames and converts the columns of a stream's table, and keeps the last synced row
    per key.

    Each column is [name, type] or [name, type, name in the table], with a type of `column_type`. A column that the
    table lacks, because it was deselected, is null. Without the table there are no rows, or, if the stream is `needed`,
    an error that says what to sync. A stream that is `listed` whole by each sync has `is_deleted`: whether the newest
    sync no longer had the row, which a table that is appended to keeps.
#}
{% macro stage(stream, columns, key, needed=false, listed=false) %}
{%- set tables = snov.tables_of(stream) -%}
{%- if execute and needed and not tables -%}
    {{ exceptions.raise_compiler_error(
        "There is no table " ~ source('snov', stream) ~ ". Sync the stream " ~ stream
        ~ ", or set the variables snov_schema and snov_database to where its table is."
    ) }}
{%- endif -%}
{#- Minutes that a sync takes to list what there is; the next one begins later. -#}
{%- set listing_minutes = 30 -%}
{%- set account = 'partition by source_relation' -%}
{%- set columns = columns + [['_airbyte_extracted_at', 'time']] -%}
with synced as (
    {%- for table in tables or [none] %}
    {%- set found = {} -%}
    {%- for column in (adapter.get_columns_in_relation(table) if table is not none else []) -%}
        {%- do found.update({column.name | lower: column}) -%}
    {%- endfor -%}
    {%- set meta = found.get('_airbyte_meta') %}
    {{ "union all" if not loop.first }}
    select
    {%- for column in columns %}
        {%- set there = found.get(column[2] or column[0]) %}
        {% if there -%}
            {{ snov.typed(adapter.quote(there.name), there.dtype, column[1]) }}
        {%- else -%}
            cast(null as {{ snov.column_type(column[1]) }})
        {%- endif %} as {{ column[0] }},
    {%- endfor %}
    {%- if listed %}
        -- Airbyte's number of the sync; other loaders have none.
        {% if meta -%}
        cast({{ snov.json_text(snov.as_json(adapter.quote(meta.name), meta.dtype), 'sync_id') }} as {{ dbt.type_bigint() }})
        {%- else -%}
        cast(null as {{ dbt.type_bigint() }})
        {%- endif %} as sync_id,
    {%- endif %}
        cast('{{ table.schema if table is not none }}' as {{ dbt.type_string() }}) as source_relation
    from {{ table if table is not none else "(select 1 as nothing) as no_table where 1 = 0" }}
    {%- endfor %}
),

ranked as (
    select
        *,
        {%- if listed %}
        case
            when max(sync_id) over ({{ account }}) is not null
                then coalesce(sync_id < max(sync_id) over ({{ account }}), true)
            else _airbyte_extracted_at < cast(
                {{ dbt.dateadd('minute', -listing_minutes, 'max(_airbyte_extracted_at) over (' ~ account ~ ')') }}
                as {{ dbt.type_timestamp() }}
            )
        end as is_deleted,
        {%- endif %}
        row_number() over ({{ account }}, {{ key | join(", ") }} order by _airbyte_extracted_at desc) as newest
    from synced
)

select
{%- for column in columns %}
    {{ column[0] }},
{%- endfor %}
{%- if listed %}
    is_deleted,
{%- endif %}
    source_relation
from ranked
where newest = 1
{%- endmacro %}
