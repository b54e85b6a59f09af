{#
    The tables of a stream that are there: one, or one per schema of `snov_schemas`, into each of which another account
    is loaded.
#}
{% macro tables_of(stream) -%}
    {#- Outside any condition, so that dbt sees the dependency when it parses. -#}
    {%- set table = source("snov", stream) -%}
    {%- set found = [] -%}
    {%- for schema in var("snov_schemas", none) or [table.schema] if execute -%}
        {%- set loaded = load_relation(
            api.Relation.create(database=table.database, schema=schema, identifier=table.identifier)
        ) -%}
        {%- if loaded is not none -%} {%- do found.append(loaded) -%} {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Whether any of these streams has a table. #}
{% macro is_loaded(streams) -%}
    {%- set tables = [] -%}
    {%- for stream in streams -%} {%- do tables.extend(snov.tables_of(stream)) -%} {%- endfor -%}
    {{ return(tables | length > 0) }}
{%- endmacro %}
