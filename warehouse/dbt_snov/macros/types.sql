{# The database's type for one of: text, whole, number, boolean, date, time (UTC, without a zone), local time, json. #}
{% macro column_type(type) -%}
    {%- if type == "text" -%} {{ dbt.type_string() }}
    {%- elif type == "whole" -%} {{ dbt.type_bigint() }}
    {%- elif type == "number" -%} {{ snov.type_double() }}
    {%- elif type == "boolean" -%} {{ dbt.type_boolean() }}
    {%- elif type == "date" -%} date
    {%- elif type in ("time", "local time") -%} {{ dbt.type_timestamp() }}
    {%- elif type == "json" -%} {{ snov.type_json() }}
    {%- else -%} {{ exceptions.raise_compiler_error("Unknown type " ~ type) }}
    {%- endif -%}
{%- endmacro %}

{# An expression of the database's type `dtype` as one of the types above. #}
{% macro typed(expression, dtype, type) -%}
    {%- if type == "time" -%} {{ snov.utc(expression, dtype) }}
    {%- elif type == "json" -%} {{ snov.as_json(expression, dtype) }}
    {%- else -%} cast({{ expression }} as {{ snov.column_type(type) }})
    {%- endif -%}
{%- endmacro %}

{% macro type_double() -%} {{ return(adapter.dispatch("type_double", "snov")()) }} {%- endmacro %}
{% macro default__type_double() -%} double precision {%- endmacro %}
{% macro bigquery__type_double() -%} float64 {%- endmacro %}

{% macro type_json() -%} {{ return(adapter.dispatch("type_json", "snov")()) }} {%- endmacro %}
{% macro default__type_json() -%} json {%- endmacro %}
{% macro postgres__type_json() -%} jsonb {%- endmacro %}
{% macro snowflake__type_json() -%} variant {%- endmacro %}

{#
    A time in UTC, of a type without a zone. Loaders use types with or without one, and a plain cast would convert to
    the session's zone.
#}
{% macro utc(expression, dtype) -%} {{ return(adapter.dispatch("utc", "snov")(expression, dtype)) }} {%- endmacro %}
{% macro default__utc(expression, dtype) -%}
    {%- if "with time zone" in dtype | lower or "timestamptz" in dtype | lower -%}
        ({{ expression }} at time zone 'UTC')
    {%- else -%}
        cast({{ expression }} as {{ dbt.type_timestamp() }})
    {%- endif -%}
{%- endmacro %}
{% macro snowflake__utc(expression, dtype) -%}
    {%- if "tz" in dtype | lower and "ntz" not in dtype | lower -%}
        cast(convert_timezone('UTC', {{ expression }}) as {{ dbt.type_timestamp() }})
    {%- else -%}
        cast({{ expression }} as {{ dbt.type_timestamp() }})
    {%- endif -%}
{%- endmacro %}
{% macro bigquery__utc(expression, dtype) -%} cast({{ expression }} as timestamp) {%- endmacro %}

{# The name of the time zone in which hours are counted. #}
{% macro time_zone() -%} {{ return(var("snov_timezone", "UTC")) }} {%- endmacro %}

{# A time in UTC as the clocks of that zone showed it, summer time included; of a type without a zone. #}
{% macro local_time(time) -%} {{ return(adapter.dispatch("local_time", "snov")(time)) }} {%- endmacro %}
{% macro default__local_time(time) -%}
    (({{ time }} at time zone 'UTC') at time zone '{{ snov.time_zone() }}')
{%- endmacro %}
{% macro snowflake__local_time(time) -%} convert_timezone('UTC', '{{ snov.time_zone() }}', {{ time }}) {%- endmacro %}
{% macro bigquery__local_time(time) -%} datetime({{ time }}, '{{ snov.time_zone() }}') {%- endmacro %}

{# The time of a text such as 2026-01-01T00:00:00Z. #}
{% macro utc_of_text(text) -%}
    cast(replace(replace({{ text }}, 'T', ' '), 'Z', '') as {{ dbt.type_timestamp() }})
{%- endmacro %}
