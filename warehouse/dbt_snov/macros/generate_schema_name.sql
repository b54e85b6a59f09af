{# The schema as configured, without the target's as a prefix: snov_marts.snov__campaign_performance in every database. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
