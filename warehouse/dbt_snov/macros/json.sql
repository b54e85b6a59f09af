{# Objects and arrays in the database's JSON type. #}

{# An expression of the database's type `dtype` as JSON. #}
{% macro as_json(expression, dtype) -%}
    {{ return(adapter.dispatch("as_json", "snov")(expression, dtype)) }}
{%- endmacro %}
{% macro default__as_json(expression, dtype) -%} cast({{ expression }} as {{ snov.type_json() }}) {%- endmacro %}
{% macro snowflake__as_json(expression, dtype) -%}
    {%- if dtype | lower in ("text", "varchar", "string") or "char" in dtype | lower -%}
        try_parse_json({{ expression }})
    {%- else -%}
        to_variant({{ expression }})
    {%- endif -%}
{%- endmacro %}
{% macro bigquery__as_json(expression, dtype) -%}
    {%- if dtype | lower == "json" -%}
        {{ expression }}
    {%- elif dtype | lower == "string" -%}
        safe.parse_json({{ expression }})
    {%- else -%}
        to_json({{ expression }})
    {%- endif -%}
{%- endmacro %}

{# An object's field as text; null if there is no such field. #}
{% macro json_text(json, field) -%}
    {{ return(adapter.dispatch("json_text", "snov")(json, field)) }}
{%- endmacro %}
{% macro default__json_text(json, field) -%} ({{ json }} ->> '{{ field }}') {%- endmacro %}
{% macro duckdb__json_text(json, field) -%} json_extract_string({{ json }}, '$.{{ field }}') {%- endmacro %}
{% macro snowflake__json_text(json, field) -%} cast({{ json }}:{{ field }} as varchar) {%- endmacro %}
{% macro bigquery__json_text(json, field) -%} json_value({{ json }}, '$.{{ field }}') {%- endmacro %}

{# The length of an array; 0 or null for anything else. #}
{% macro json_length(json) -%}
    {{ return(adapter.dispatch("json_length", "snov")(json)) }}
{%- endmacro %}
{% macro default__json_length(json) -%}
    (case when jsonb_typeof({{ json }}) = 'array' then jsonb_array_length({{ json }}) end)
{%- endmacro %}
{% macro duckdb__json_length(json) -%} cast(json_array_length({{ json }}) as bigint) {%- endmacro %}
{% macro snowflake__json_length(json) -%} array_size({{ json }}) {%- endmacro %}
{% macro bigquery__json_length(json) -%} array_length(json_query_array({{ json }})) {%- endmacro %}

{# The element of an array at a position, counted from 1; null beyond its end. #}
{% macro json_element(json, place) -%}
    {{ return(adapter.dispatch("json_element", "snov")(json, place)) }}
{%- endmacro %}
{% macro default__json_element(json, place) -%} ({{ json }} -> cast({{ place }} - 1 as int)) {%- endmacro %}
{% macro duckdb__json_element(json, place) -%} json_extract({{ json }}, cast({{ place }} - 1 as bigint)) {%- endmacro %}
{% macro snowflake__json_element(json, place) -%} get({{ json }}, {{ place }} - 1) {%- endmacro %}
{% macro bigquery__json_element(json, place) -%}
    json_query_array({{ json }})[safe_offset({{ place }} - 1)]
{%- endmacro %}
