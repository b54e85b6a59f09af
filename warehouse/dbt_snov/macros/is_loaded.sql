{# Whether any of these streams has a table. #}
{% macro is_loaded(streams) -%}
    {%- set loaded = [] -%}
    {%- for stream in streams -%}
        {# Outside the condition, so that dbt sees the dependency when it parses. #}
        {%- set table = source("snov", stream) -%}
        {%- if execute and load_relation(table) is not none -%} {%- do loaded.append(stream) -%} {%- endif -%}
    {%- endfor -%}
    {{ return(loaded | length > 0) }}
{%- endmacro %}
